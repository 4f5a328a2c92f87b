//! Texts in the JSON form of which Nomad 2.0.5 was asked what it makes of them.

use nomad_acl::Policy;

/// A text, and what it says in the HCL form; nothing for what a server refuses.
const TEXTS: [(&str, Option<&str>); 17] = [
    (
        r#"{"namespace":{"default":{"variables":[{"path":{"nomad\/jobs":{"capabilities":["read"]}}}]}}}"#,
        None,
    ),
    (
        r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities":[}}"#,
        Some("agent { policy = \"read\" } operator { policy = \"read\" }"),
    ),
    (
        r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities":}}"#,
        Some("agent { policy = \"read\" } operator { policy = \"read\" }"),
    ),
    (
        r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities"}}"#,
        Some("agent { policy = \"read\" } operator { policy = \"read\" }"),
    ),
    (
        r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities":["snapshot-save"}}"#,
        Some("agent { policy = \"read\" } operator { policy = \"read\" }"),
    ),
    (r#"{"agent":{"policy":"read"},"operator""#, Some("agent { policy = \"read\" }")),
    (r#"{"agent":{"policy":"read"},"operator":"#, Some("agent { policy = \"read\" }")),
    (r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities":["#, None),
    (r#"{"agent":{"policy":"read"},"operator":{"policy":"read","capabilities":[null]}}"#, None),
    (r#"{"\x61gent":{"policy":"\162ead"}}"#, Some("agent { policy = \"read\" }")),
    (r#"{"node":{"policy":"r\ud83d\ude00"}}"#, None),
    (r#"{"node":{"policy":"a\400"}}"#, None),
    (r#"{"agent":{"policy":"read"},}"#, Some("agent { policy = \"read\" }")),
    (r#"{"agent":{"policy":"read"}]"#, Some("agent { policy = \"read\" }")),
    (r#"{"agent":{"policy":"read"},]}"#, None),
    (r#"{"agent":[}"#, None),
    (
        r#"{"agent":{"policy":"read"},"node":[{"policy":"write"}]"#,
        Some("agent { policy = \"read\" } node { policy = \"write\" }"),
    ),
];

#[test]
fn broken_texts_are_read_as_a_server_reads_them() {
    for (text, hcl) in TEXTS {
        let expected = hcl.map(|hcl| hcl.parse::<Policy>().unwrap());
        let read = text.parse::<Policy>();
        assert_eq!(read.as_ref().ok(), expected.as_ref(), "{text}: {read:?}");
        assert_eq!(Policy::parse_strict(text).ok(), expected, "as written: {text}");
    }
}
