//! `PUT /v1/agent/join`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields};

/// How joining other servers went: the answer of `PUT /v1/agent/join`, with status 200 even when
/// every join failed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Join {
    /// Why nothing was joined; empty as soon as one contact succeeded.
    #[serde(default)]
    pub error: String,
    /// Successful contacts; an address given twice counts twice.
    #[serde(default)]
    pub num_joined: i64,
    /// Since 2.0.4: says that joining without a token is going away, or empty.
    #[serde(default)]
    pub warning: Option<String>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Default for Join {
    fn default() -> Self {
        let warning = Some(String::new());
        Self { error: String::new(), num_joined: 0, warning, other: UnknownFields::default() }
    }
}

impl Serialize for Join {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("error", &self.error)?;
        keys.write("num_joined", &self.num_joined)?;
        keys.write_some("warning", self.warning.as_ref())?;
        keys.end()
    }
}
