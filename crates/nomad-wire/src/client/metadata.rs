//! `/v1/client/metadata`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::{
    go::quote,
    json::{BodyError, Object, ObjectWriter, UnknownFields, null_is_default},
};

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
    pub other: UnknownFields,
}

impl NodeMetadata {
    /// Metadata made of its two sources.
    #[must_use]
    pub fn merge(
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
        Self { meta, dynamic, fixed, other: UnknownFields::default() }
    }
}

impl Serialize for NodeMetadata {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("Meta", &self.meta)?;
        keys.write("Dynamic", &self.dynamic)?;
        keys.write("Static", &self.fixed)?;
        keys.end()
    }
}

/// The body of `POST /v1/client/metadata`: changes to the metadata of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it to ask")]
pub struct MetadataUpdate {
    /// The node; a `node_id` in the query wins over it.
    pub node_id: String,
    /// New values; `None` takes a key away.
    pub meta: BTreeMap<String, Option<String>>,
}

/// Why changes to the metadata of a node are refused; 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// There is no `Meta`.
    #[error("missing required Meta object")]
    MissingMeta,
    /// A key is empty.
    #[error("metadata keys must not be empty")]
    EmptyKey,
    /// A key could not be used in a job file.
    #[error("{} is invalid; metadata keys must be valid dotted hcl identifiers", quote(.0))]
    InvalidKey(Box<str>),
}

impl MetadataUpdate {
    /// Reads and checks the body of a request.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(body: &[u8]) -> Result<Self, MetadataError> {
        let object = Object::parse_required(body, "NodeMetaApplyRequest")?;
        let node_id = object.string("NodeID").map_err(BodyError::from)?;
        let meta = object
            .string_map("Meta")
            .map_err(BodyError::from)?
            .ok_or(MetadataError::MissingMeta)?;
        for key in meta.keys() {
            if key.is_empty() {
                return Err(MetadataError::EmptyKey);
            }
            if !key.split('.').all(is_identifier) {
                return Err(MetadataError::InvalidKey(key.as_str().into()));
            }
        }
        Ok(Self { node_id, meta })
    }
}

/// An identifier of HCL: a letter or an underscore, then letters, digits, underscores and hyphens.
fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'))
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
        let wire = to_json(&NodeMetadata::merge(fixed, Some(dynamic)), Layout::Compact).unwrap();
        let expected =
            r#"{"Meta":{"b":"2","c":"3"},"Dynamic":{"a":null,"c":"3"},"Static":{"a":"1","b":"2"}}"#;
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }

    #[test]
    fn an_update_is_checked() {
        let refused = |body: &str| MetadataUpdate::parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused(""), "Request body is empty");
        assert_eq!(refused("{}"), "missing required Meta object");
        assert_eq!(refused(r#"{"Meta":null}"#), "missing required Meta object");
        assert_eq!(refused(r#"{"Meta":{"":"x"}}"#), "metadata keys must not be empty");
        for key in ["*", "a..b", ".a", "a.", "1a", "a b", "a/b"] {
            let text =
                format!("{key:?} is invalid; metadata keys must be valid dotted hcl identifiers");
            assert_eq!(refused(&format!(r#"{{"Meta":{{"{key}":"x"}}}}"#)), text);
        }
        let update = MetadataUpdate::parse(br#"{"nodeID":"n","meta":{"a.b-c":"1","_x":null}}"#);
        let meta = [("_x".to_owned(), None), ("a.b-c".to_owned(), Some("1".to_owned()))];
        let expected = MetadataUpdate { node_id: "n".into(), meta: meta.into() };
        assert_eq!(update, Ok(expected));
    }
}
