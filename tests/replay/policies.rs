//! The tokens of the cluster with ACLs.

use serde_json::{Value, json};

use super::recorded::Names;

/// The policy of each token, by their common name.
const POLICIES: [(&str, &str); 14] = [
    ("agent-read", r#"agent { policy = "read" }"#),
    ("agent-write", r#"agent { policy = "write" }"#),
    ("agent-deny", r#"agent { policy = "deny" } node { policy = "read" }"#),
    ("node-read", r#"node { policy = "read" }"#),
    ("node-write", r#"node { policy = "write" }"#),
    ("ns-read", r#"namespace "default" { policy = "read" }"#),
    ("ns-write", r#"namespace "default" { policy = "write" }"#),
    ("ns-deny", r#"namespace "default" { policy = "deny" }"#),
    ("read-logs", r#"namespace "default" { capabilities = ["read-logs"] }"#),
    ("read-fs", r#"namespace "default" { capabilities = ["read-fs"] }"#),
    ("submit-job", r#"namespace "default" { capabilities = ["submit-job"] }"#),
    ("other-write", r#"namespace "other" { policy = "write" }"#),
    ("operator-read", r#"operator { policy = "read" }"#),
    (
        "read-only",
        r#"agent { policy = "read" } node { policy = "read" } operator { policy = "read" } namespace "*" { policy = "read" }"#,
    ),
];

/// The table of tokens, as text.
pub(super) fn table(names: &Names) -> String {
    let policies: Vec<Value> =
        POLICIES.iter().map(|(name, rules)| json!({"name": name, "rules": rules})).collect();
    let mut tokens: Vec<Value> = POLICIES
        .iter()
        .map(|(name, _)| json!({"secret": names.tokens[*name], "policies": [name]}))
        .collect();
    tokens.push(json!({"secret": names.tokens["mgmt"], "type": "management"}));
    json!({"policies": policies, "tokens": tokens}).to_string()
}
