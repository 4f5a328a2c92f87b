//! `PUT /v1/client/allocation/:id/restart` and `signal`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields};

/// That it was done: the answer of restarting and signalling an allocation, `{"Index":0}`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Acknowledgement {
    /// Always 0 here: nothing went through Raft.
    pub index: u64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for Acknowledgement {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("Index", &self.index)?;
        keys.end()
    }
}
