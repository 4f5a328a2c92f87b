//! `GET /v1/client/allocation/:id/checks`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields};

/// Nomad service checks by their id: the answer of `GET /v1/client/allocation/:id/checks`.
///
/// An allocation without checks is `null` on the wire and `None` here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllocChecks(pub Option<BTreeMap<String, CheckResult>>);

/// How the last run of a check went, in [`AllocChecks`].
///
/// Keys come in the order of Nomad's declaration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckResult {
    /// Id of the check, 32 hexadecimal digits.
    #[serde(rename = "ID", default)]
    pub id: String,
    /// `healthiness` or `readiness`.
    #[serde(default)]
    pub mode: String,
    /// `success`, `failure` or `pending`.
    #[serde(default)]
    pub status: String,
    /// HTTP status the service answered with; 0 for other kinds of check. Some builds leave it out
    /// when it is 0.
    #[serde(default)]
    pub status_code: Option<i64>,
    /// What the check printed or why it failed.
    #[serde(default)]
    pub output: String,
    /// When it ran, in seconds since 1970.
    #[serde(default)]
    pub timestamp: i64,
    /// Name of the allocation and task group, `<job>.<group>[<index>]`.
    #[serde(default)]
    pub group: String,
    /// Task of the service, empty for a service of the group. Some builds leave it out then.
    #[serde(default)]
    pub task: Option<String>,
    /// Name of the service.
    #[serde(default)]
    pub service: String,
    /// Name of the check.
    #[serde(default)]
    pub check: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Default for CheckResult {
    fn default() -> Self {
        Self {
            id: String::new(),
            mode: String::new(),
            status: String::new(),
            status_code: Some(0),
            output: String::new(),
            timestamp: 0,
            group: String::new(),
            task: Some(String::new()),
            service: String::new(),
            check: String::new(),
            other: UnknownFields::default(),
        }
    }
}

impl Serialize for CheckResult {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("ID", &self.id)?;
        keys.write("Mode", &self.mode)?;
        keys.write("Status", &self.status)?;
        keys.write_some("StatusCode", self.status_code.as_ref())?;
        keys.write("Output", &self.output)?;
        keys.write("Timestamp", &self.timestamp)?;
        keys.write("Group", &self.group)?;
        keys.write_some("Task", self.task.as_ref())?;
        keys.write("Service", &self.service)?;
        keys.write("Check", &self.check)?;
        keys.end()
    }
}
