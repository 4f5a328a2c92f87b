//! The configuration in `GET /v1/agent/self`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::redact;

/// The configuration an agent runs with, as `GET /v1/agent/self` shows it.
///
/// It has some fifty top-level keys whose insides change with every version, so it stays a tree
/// of values with accessors for what callers ask most. Durations are whole nanoseconds, keys are
/// Go's field names. `Debug` shows the redacted tree.
///
/// ```
/// use nomad_wire::agent::AgentConfig;
///
/// let config = AgentConfig::skeleton()
///     .with_value(&["Region"], "eu")
///     .with_value(&["Client", "Enabled"], true)
///     .with_value(&["Ports", "HTTP"], 4646);
/// assert_eq!(config.region(), Some("eu"));
/// assert!(config.is_client());
/// ```
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentConfig(pub BTreeMap<String, Value>);

impl AgentConfig {
    /// Every top-level key Nomad 2.0 prints, each with its zero value, and the insides of the
    /// objects callers read: addresses, ports, ACL, limits, TLS and version.
    #[must_use]
    pub fn skeleton() -> Self {
        let mut keys = BTreeMap::new();
        let groups: [(&[&str], Value); 6] = [
            (&OBJECTS, json!({})),
            (&LISTS, json!([])),
            (&NULLS, Value::Null),
            (&BOOLEANS, json!(false)),
            (&STRINGS, json!("")),
            (&NUMBERS, json!(0)),
        ];
        for (names, zero) in groups {
            keys.extend(names.iter().map(|&name| (name.to_owned(), zero.clone())));
        }
        for name in ["Addresses", "AdvertiseAddrs"] {
            keys.insert(name.to_owned(), json!({"HTTP": "", "RPC": "", "Serf": ""}));
        }
        keys.insert("Ports".to_owned(), json!({"HTTP": 0, "RPC": 0, "Serf": 0}));
        keys.insert("ACL".to_owned(), acl());
        keys.insert("Limits".to_owned(), limits());
        keys.insert("TLSConfig".to_owned(), tls());
        keys.insert("Version".to_owned(), version());
        Self(keys)
    }

    /// Sets the value at a path of keys, making objects on the way where there are none.
    ///
    /// An empty path changes nothing.
    #[must_use]
    pub fn with_value(mut self, path: &[&str], value: impl Into<Value>) -> Self {
        let Some((first, rest)) = path.split_first() else { return self };
        let mut place = self.0.entry((*first).to_owned()).or_insert(Value::Null);
        for &key in rest {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[key];
        }
        *place = value.into();
        self
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |place, key| place.get(key))
    }

    /// The region the agent belongs to.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.get(&["Region"])?.as_str()
    }

    /// The datacenter the agent belongs to.
    #[must_use]
    pub fn datacenter(&self) -> Option<&str> {
        self.get(&["Datacenter"])?.as_str()
    }

    /// The configured node name, which may be empty.
    #[must_use]
    pub fn node_name(&self) -> Option<&str> {
        self.get(&["NodeName"])?.as_str()
    }

    /// The version without prerelease and metadata: in an object since 0.6, plain text before.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let version = self.get(&["Version"])?;
        version.get("Version").unwrap_or(version).as_str()
    }

    /// The address other agents reach the HTTP listener at, `ip:port`.
    #[must_use]
    pub fn http_address(&self) -> Option<&str> {
        self.get(&["AdvertiseAddrs", "HTTP"])?.as_str()
    }

    /// Whether the agent runs a client.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.is_enabled(&["Client", "Enabled"])
    }

    /// Whether the agent runs a server.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.is_enabled(&["Server", "Enabled"])
    }

    /// Whether ACLs are enforced.
    #[must_use]
    pub fn has_acls(&self) -> bool {
        self.is_enabled(&["ACL", "Enabled"])
    }

    /// Whether `enable_debug` is set.
    #[must_use]
    pub fn has_debug(&self) -> bool {
        self.is_enabled(&["EnableDebug"])
    }

    /// The same configuration with every non-empty secret replaced by
    /// [`REDACTED`](super::REDACTED).
    ///
    /// Nomad itself replaces `ACL.ReplicationToken`, `Telemetry.CirconusAPIToken` and the tokens of
    /// `Consul`, `Consuls`, and (up to 1.9) `Vault`, `Vaults`. What Nomad 2.0 lets through is
    /// replaced here too: Vault tokens, `Auth` of Consul, `Client.IntroToken`, `Server.LicenseEnv`,
    /// `Server.EncryptKey`, everything in `Plugins[].Config`, `KEKProviders[].Config` and
    /// `HTTPAPIResponseHeaders`, and join addresses that carry cloud credentials (`key=value`).
    #[must_use]
    pub fn redacted(mut self) -> Self {
        redact::redact_config(&mut self.0);
        self
    }

    fn is_enabled(&self, path: &[&str]) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.clone().redacted().0).finish()
    }
}

/// Top-level keys that hold an object.
const OBJECTS: [&str; 9] = [
    "Audit",
    "Autopilot",
    "Client",
    "HTTPAPIResponseHeaders",
    "RPC",
    "Reporting",
    "Sentinel",
    "Server",
    "Telemetry",
];
/// Top-level keys that hold a list, empty rather than `null`.
const LISTS: [&str; 3] = ["Consuls", "Files", "Vaults"];
/// Top-level keys that are `null` until configured.
const NULLS: [&str; 5] = ["ConfigPaths", "Eventlog", "KEKProviders", "Plugins", "UI"];
/// Top-level keys that hold true or false.
const BOOLEANS: [&str; 9] = [
    "DevMode",
    "DisableAnonymousSignature",
    "DisableUpdateCheck",
    "EnableDebug",
    "EnableSyslog",
    "LeaveOnInt",
    "LeaveOnTerm",
    "LogIncludeLocation",
    "LogJson",
];
/// Top-level keys that hold text.
const STRINGS: [&str; 10] = [
    "BindAddr",
    "DataDir",
    "Datacenter",
    "LogFile",
    "LogLevel",
    "LogRotateDuration",
    "NodeName",
    "PluginDir",
    "Region",
    "SyslogFacility",
];
/// Top-level keys that hold a number.
const NUMBERS: [&str; 2] = ["LogRotateBytes", "LogRotateMaxFiles"];

fn acl() -> Value {
    json!({
        "Enabled": false, "PolicyTTL": 0, "ReplicationToken": "", "RoleTTL": 0,
        "TokenMaxExpirationTTL": 0, "TokenMinExpirationTTL": 0, "TokenTTL": 0,
    })
}

fn limits() -> Value {
    json!({
        "HTTPMaxConnsPerClient": 0, "HTTPSHandshakeTimeout": "",
        "RPCHandshakeTimeout": "", "RPCMaxConnsPerClient": 0,
    })
}

fn tls() -> Value {
    json!({
        "CAFile": "", "CertFile": "", "Checksum": "", "EnableHTTP": false, "EnableRPC": false,
        "KeyFile": "", "KeyLoader": {}, "RPCUpgradeMode": false, "TLSCipherSuites": "",
        "TLSMinVersion": "", "VerifyHTTPSClient": false, "VerifyServerHostname": false,
    })
}

fn version() -> Value {
    json!({
        "BuildDate": null, "Revision": "", "Version": "", "VersionMetadata": "",
        "VersionPrerelease": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skeleton_has_every_key_of_nomad_2_0() {
        let keys = "ACL Addresses AdvertiseAddrs Audit Autopilot BindAddr Client ConfigPaths Consuls \
            DataDir Datacenter DevMode DisableAnonymousSignature DisableUpdateCheck EnableDebug \
            EnableSyslog Eventlog Files HTTPAPIResponseHeaders KEKProviders LeaveOnInt LeaveOnTerm \
            Limits LogFile LogIncludeLocation LogJson LogLevel LogRotateBytes LogRotateDuration \
            LogRotateMaxFiles NodeName PluginDir Plugins Ports RPC Region Reporting Sentinel Server \
            SyslogFacility TLSConfig Telemetry UI Vaults Version";
        let skeleton = AgentConfig::skeleton();
        let ours: Vec<&str> = skeleton.0.keys().map(String::as_str).collect();
        assert_eq!(ours.join(" "), keys);
    }

    #[test]
    fn values_are_set_and_found_by_path() {
        let config =
            AgentConfig::default().with_value(&["Server", "Enabled"], true).with_value(&[], 1);
        assert!(config.is_server());
        assert!(!config.is_client() && !config.has_acls() && !config.has_debug());
        assert_eq!(config.get(&["Server", "Enabled", "deeper"]), None);
        let config = config
            .with_value(&["Version"], "0.5.5")
            .with_value(&["Server"], 3)
            .with_value(&["Server", "A"], "b");
        assert_eq!(config.version(), Some("0.5.5"));
        assert_eq!(config.get(&["Server"]), Some(&json!({"A": "b"})));
    }
}
