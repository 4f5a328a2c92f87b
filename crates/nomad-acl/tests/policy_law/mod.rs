//! One law for any bytes: shared by the fuzz target `policy` and by the replay of its corpus.

use nomad_acl::{
    Acl, Capability, Policy, Subject,
    capability::{BlockCapability, NamespaceCapability},
    lint,
};

/// Reads the bytes as a policy, strictly and leniently, and holds what must hold of every text.
pub(crate) fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let written = Policy::parse_strict(text);
    let found = lint(None, text);
    assert_eq!(found.error.is_some(), written.is_err());
    match text.parse::<Policy>() {
        Ok(policy) => {
            assert!(written.as_ref().map_or(true, |written| *written == policy));
            readable(&policy, text);
        }
        // What may be written may be read, and every complaint says something.
        Err(error) => {
            assert!(written.is_err() && !found.readable && !error.to_string().is_empty());
        }
    }
}

/// Printing keeps the meaning, and compiling answers every question.
fn readable(policy: &Policy, text: &str) {
    let printed = policy.to_string();
    if !text.is_empty() {
        let again = printed.parse::<Policy>();
        assert_eq!(again.as_ref(), Ok(policy), "printed as {printed}");
        assert_eq!(Policy::parse_strict(&printed).as_ref(), Ok(policy), "printed as {printed}");
    }
    let json = policy.rules_json(text);
    assert_eq!(json["Raw"], *text);
    let once = Acl::compile([("a", policy)]);
    let twice = Acl::compile([("a", policy), ("b", policy)]);
    let names = policy.namespaces().iter().map(|namespace| namespace.rule.label.as_str());
    for name in names.chain(["default", "*"]).take(16) {
        let subject = Subject::Namespace(name.into());
        for (word, _) in NamespaceCapability::ALL {
            let (one, two) = (
                once.has_capability(Capability::Namespace(*word), &subject),
                twice.has_capability(Capability::Namespace(*word), &subject),
            );
            assert_eq!(one.is_allowed(), two.is_allowed(), "{word:?} on {name}");
        }
    }
}
