//! `/v1/client/metadata`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{Keys, Unknown, null_is_default};

/// Metadata of a node: the answer of `GET` and `POST /v1/client/metadata`.
///
/// Keys come in the order of Nomad's declaration.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeMetadata {
    /// What holds: the static metadata with the dynamic changes on top.
    #[serde(deserialize_with = "null_is_default")]
    pub meta: BTreeMap<String, String>,
    /// What was changed through the API; a `null` value takes a static key away. `null` when
    /// nothing ever was.
    pub dynamic: Option<BTreeMap<String, Option<String>>>,
    /// What the configuration file says.
    #[serde(rename = "Static", deserialize_with = "null_is_default")]
    pub fixed: BTreeMap<String, String>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: Unknown,
}

impl NodeMetadata {
    /// Metadata made of its two sources.
    #[must_use]
    pub fn merged(
        fixed: BTreeMap<String, String>,
        dynamic: Option<BTreeMap<String, Option<String>>>,
    ) -> Self {
        let mut meta = fixed.clone();
        for (key, change) in dynamic.iter().flatten() {
            match change {
                Some(value) => meta.insert(key.clone(), value.clone()),
                None => meta.remove(key),
            };
        }
        Self { meta, dynamic, fixed, other: Unknown::default() }
    }
}

impl Serialize for NodeMetadata {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys::declared(to, &self.other)?;
        keys.put("Meta", &self.meta)?;
        keys.put("Dynamic", &self.dynamic)?;
        keys.put("Static", &self.fixed)?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn changes_win_and_null_takes_away() {
        let text = |value: &str| value.to_owned();
        let fixed = BTreeMap::from([(text("a"), text("1")), (text("b"), text("2"))]);
        let dynamic = BTreeMap::from([(text("a"), None), (text("c"), Some(text("3")))]);
        let wire = to_json(&NodeMetadata::merged(fixed, Some(dynamic)), Layout::Compact).unwrap();
        let expected =
            r#"{"Meta":{"b":"2","c":"3"},"Dynamic":{"a":null,"c":"3"},"Static":{"a":"1","b":"2"}}"#;
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }
}
