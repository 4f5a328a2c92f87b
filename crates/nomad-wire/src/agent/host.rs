//! `GET /v1/agent/host`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, Serializer};

use super::redact::{REDACTED, is_secret_variable};
use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// The host of a chosen agent: the answer of `GET /v1/agent/host` with `node_id` or `server_id`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentHost {
    /// Gossip name (`<node>.<region>`) of a server, node id of a client.
    #[serde(rename = "AgentID")]
    pub agent_id: String,
    /// What that agent sees of its host.
    #[serde(deserialize_with = "null_is_default")]
    pub host_data: HostData,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for AgentHost {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("AgentID", &self.agent_id)?;
        keys.write("HostData", &self.host_data)?;
        keys.end()
    }
}

/// What an agent sees of its host: the bare answer of `GET /v1/agent/host` without a target.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostData {
    /// Mounted file systems, by mount point.
    #[serde(deserialize_with = "null_is_default")]
    pub disk: BTreeMap<String, HostDisk>,
    /// Environment of the agent's process, secrets taken out.
    #[serde(deserialize_with = "null_is_default")]
    pub environment: Environment,
    /// Contents of `/etc/hosts`, or why they cannot be had.
    pub hosts: String,
    /// One map for every address of every interface (`type`, `string`, `address`, `netmask`, ...);
    /// one `{"error": text}` when they cannot be listed, `null` when there are none.
    pub network: Option<Vec<BTreeMap<String, String>>>,
    /// Machine, node name, release, system name and version as `uname` has them.
    #[serde(rename = "OS")]
    pub os: String,
    /// Contents of `/etc/resolv.conf`, or why they cannot be had.
    pub resolv_conf: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for HostData {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Disk", &self.disk)?;
        keys.write("Environment", &self.environment)?;
        keys.write("Hosts", &self.hosts)?;
        keys.write("Network", &self.network)?;
        keys.write("OS", &self.os)?;
        keys.write("ResolvConf", &self.resolv_conf)?;
        keys.end()
    }
}

/// Size of one file system, in [`HostData`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct HostDisk {
    /// Total size in MiB, rounded down.
    #[serde(rename = "DiskMB")]
    pub disk_mb: i64,
    /// Total less what an unprivileged user may still fill, in MiB, rounded down.
    #[serde(rename = "UsedMB")]
    pub used_mb: i64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for HostDisk {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("DiskMB", &self.disk_mb)?;
        keys.write("UsedMB", &self.used_mb)?;
        keys.end()
    }
}

/// Environment variables of an agent, in [`HostData`].
///
/// `Debug` shows the names only: Nomad's deny list is no proof that the rest is harmless.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// Replaces every secret by [`REDACTED`], as Nomad 2.0 does before it answers.
    ///
    /// Secret is a variable whose name holds `TOKEN` or `SECRET` in any case, or is on Nomad's
    /// deny list letter by letter. Empty values are replaced too.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        for (name, value) in &mut self.0 {
            if is_secret_variable(name) {
                REDACTED.clone_into(value);
            }
        }
        self
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(names: &[&str]) -> Environment {
        Environment(names.iter().map(|&name| (name.to_owned(), "value".to_owned())).collect())
    }

    #[test]
    fn secrets_are_taken_out_by_name() {
        let secret = [
            "VAULT_TOKEN",
            "BOGUS_TOKEN",
            "ryanSECRETS",
            "CONSUL_LICENSE_PATH",
            "AWS_ACCESS_KEY_ID",
            "my_token_file",
            "to\u{212a}en",
        ];
        for (name, value) in environment(&secret).redacted().0 {
            assert_eq!(value, REDACTED, "{name}");
        }
        for (name, value) in environment(&["PATH", "aws_access_key_id", "PASSWORD"]).redacted().0 {
            assert_eq!(value, "value", "{name}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", environment(&["PASSWORD"]));
        assert_eq!(shown, r#"{"PASSWORD"}"#);
    }
}
