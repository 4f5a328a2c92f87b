//! Keys this crate does not know.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an object held beyond the keys this crate knows, by name.
///
/// A newer Nomad adds fields; a body that was read keeps them and prints them again, merged by
/// byte order where the type's keys are sorted, after the known ones where they are not. A name
/// the type knows is ignored here when printing. Inside an unknown object keys come out sorted.
///
/// `Debug` shows the names only: what is unknown may be secret.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownFields(pub BTreeMap<String, Value>);

impl UnknownFields {
    /// Whether every key was known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
