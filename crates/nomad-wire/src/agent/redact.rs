//! Which parts of an agent's answers are secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub const REDACTED: &str = "<redacted>";

/// Environment variables Nomad 2.0 hides beside those that say `TOKEN` or `SECRET`.
const SECRET_VARIABLES: [&str; 17] = [
    "CONSUL_TOKEN",
    "CONSUL_HTTP_TOKEN",
    "CONSUL_HTTP_TOKEN_FILE",
    "NOMAD_TOKEN",
    "VAULT_TOKEN",
    "CONSUL_LICENSE",
    "NOMAD_LICENSE",
    "VAULT_LICENSE",
    "CONSUL_LICENSE_PATH",
    "NOMAD_LICENSE_PATH",
    "VAULT_LICENSE_PATH",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_METADATA_URL",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
];

/// Secret text, by block and key.
const SECRET_KEYS: [(&str, &str); 11] = [
    ("ACL", "ReplicationToken"),
    ("Client", "IntroToken"),
    ("Consul", "Auth"),
    ("Consul", "Token"),
    ("Consuls", "Auth"),
    ("Consuls", "Token"),
    ("Server", "EncryptKey"),
    ("Server", "LicenseEnv"),
    ("Telemetry", "CirconusAPIToken"),
    ("Vault", "Token"),
    ("Vaults", "Token"),
];

/// Blocks whose `Config` belongs to a plugin, so that nobody knows what in it is secret.
const PLUGIN_BLOCKS: [&str; 2] = ["KEKProviders", "Plugins"];

/// Blocks with lists of servers to join.
const JOIN_BLOCKS: [&str; 2] = ["Client", "Server"];

/// Whether the value of this environment variable must not be shown.
pub(super) fn is_secret_variable(name: &str) -> bool {
    // Both ways, because some letters of other alphabets meet ours only one way (U+017F, U+212A).
    let upper = name.to_lowercase().to_uppercase();
    upper.contains("TOKEN") || upper.contains("SECRET") || SECRET_VARIABLES.contains(&name)
}

/// Replaces every secret of an agent's configuration.
pub(super) fn redact_config(blocks: &mut BTreeMap<String, Value>) {
    for (block, key) in SECRET_KEYS {
        for_each_block(blocks.get_mut(block), |fields| {
            fields.get_mut(key).into_iter().for_each(redact)
        });
    }
    for block in PLUGIN_BLOCKS {
        for_each_block(blocks.get_mut(block), |fields| redact_members(fields.get_mut("Config")));
    }
    redact_members(blocks.get_mut("HTTPAPIResponseHeaders"));
    for block in JOIN_BLOCKS {
        for_each_block(blocks.get_mut(block), |fields| {
            redact_credentials(fields);
            for_each_block(fields.get_mut("ServerJoin"), redact_credentials);
        });
    }
}

/// Visits one block, or every block of a list (since 1.7 there may be several Consuls and Vaults).
fn for_each_block<'a, B>(found: B, visit: impl Fn(&mut Map<String, Value>))
where
    B: IntoIterator<Item = &'a mut Value>,
{
    for block in found {
        match block {
            Value::Object(fields) => visit(fields),
            Value::Array(blocks) => {
                blocks.iter_mut().filter_map(Value::as_object_mut).for_each(&visit);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Hides what an object holds and shows its keys.
fn redact_members(block: Option<&mut Value>) {
    block.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut).for_each(redact);
}

/// Hides a value unless it is empty: that a secret is not set is no secret.
fn redact(value: &mut Value) {
    let empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !empty {
        *value = Value::from(REDACTED);
    }
}

/// Hides addresses that ask a cloud for the servers, as those carry its keys
/// (`provider=aws secret_access_key=...`); a plain address holds no `=`.
fn redact_credentials(fields: &mut Map<String, Value>) {
    for key in ["RetryJoin", "StartJoin"] {
        let addresses = fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
        addresses.filter(|it| it.as_str().is_some_and(|text| text.contains('='))).for_each(redact);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::AgentConfig;

    fn redacted(config: &serde_json::Value) -> serde_json::Value {
        let config: AgentConfig = serde_json::from_value(config.clone()).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        serde_json::to_value(config.redacted()).unwrap()
    }

    #[test]
    fn every_secret_is_hidden() {
        let secret = json!({
            "ACL": {"ReplicationToken": "s3cret"},
            "Client": {"IntroToken": "s3cret", "ServerJoin": {"RetryJoin": ["provider=x key=s3cret"]}},
            "Consul": {"Token": "s3cret", "Auth": "user:s3cret"},
            "Consuls": [{"Token": "s3cret", "Auth": "s3cret"}, {"Token": "s3cret"}],
            "HTTPAPIResponseHeaders": {"Authorization": "s3cret"},
            "KEKProviders": [{"Config": {"token": "s3cret"}}],
            "Plugins": [{"Name": "docker", "Config": {"auth": [{"password": "s3cret"}], "pin": 1234}}],
            "Server": {
                "EncryptKey": "s3cret", "LicenseEnv": "s3cret",
                "RetryJoin": ["k=s3cret"], "StartJoin": ["k=s3cret"],
                "ServerJoin": {"StartJoin": ["k=s3cret"], "RetryJoin": ["k=s3cret", "10.0.0.1:4648"]},
            },
            "Telemetry": {"CirconusAPIToken": "s3cret"},
            "Vault": {"Token": "s3cret"},
            "Vaults": [{"Token": "s3cret"}],
        });
        let shown = redacted(&secret);
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        assert_eq!(shown["Plugins"][0]["Config"]["pin"], "<redacted>");
        assert_eq!(shown["Plugins"][0]["Name"], "docker");
        let join = &shown["Server"]["ServerJoin"]["RetryJoin"];
        assert_eq!(*join, json!(["<redacted>", "10.0.0.1:4648"]));
    }

    #[test]
    fn nothing_else_is_touched() {
        let open = json!({
            "ACL": {"ReplicationToken": "", "TokenTTL": 30_000_000_000_u64},
            "Client": {"IntroToken": "", "ServerJoin": {"RetryJoin": [], "StartJoin": null}},
            "Consuls": [{"Token": "", "Auth": ""}],
            "HTTPAPIResponseHeaders": {},
            "Plugins": null,
            "Server": {"RetryJoin": ["10.0.0.1"], "StartJoin": ["server.example:4648"]},
            "Vault": {"Token": "", "TaskTokenTTL": "72h"},
        });
        assert_eq!(redacted(&open), open);
    }
}
