//! `GET /v1/client/fs/ls/:id` and `stat/:id`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields};

/// A file of an allocation: the answer of `GET /v1/client/fs/stat/:id`, and one entry of
/// `fs/ls/:id`, which lists them sorted by name (`[]` for an empty directory).
///
/// Keys come in the order of Nomad's declaration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FileInfo {
    /// Base name; for the root of the allocation its id.
    #[serde(default)]
    pub name: String,
    /// Whether it is a directory; false for a link to one in a listing.
    #[serde(default)]
    pub is_dir: bool,
    /// Size in bytes.
    #[serde(default)]
    pub size: i64,
    /// Go's mode text: kind, then nine letters of permission (`drwxrwxrwx`, `Lrwxrwxrwx`).
    #[serde(default)]
    pub file_mode: String,
    /// Last change, RFC 3339 with nanoseconds in the zone of the node; `null` for the zero time.
    #[serde(default)]
    pub mod_time: Option<String>,
    /// Media type, by content; empty in listings. Some builds leave it out then.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Default for FileInfo {
    fn default() -> Self {
        Self {
            name: String::new(),
            is_dir: false,
            size: 0,
            file_mode: String::new(),
            mod_time: None,
            content_type: Some(String::new()),
            other: UnknownFields::default(),
        }
    }
}

impl Serialize for FileInfo {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("Name", &self.name)?;
        keys.write("IsDir", &self.is_dir)?;
        keys.write("Size", &self.size)?;
        keys.write("FileMode", &self.file_mode)?;
        keys.write("ModTime", &self.mod_time)?;
        keys.write_some("ContentType", self.content_type.as_ref())?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn all_six_keys_are_always_there() {
        let wire = to_json(&FileInfo::default(), Layout::Compact).unwrap();
        let expected =
            r#"{"Name":"","IsDir":false,"Size":0,"FileMode":"","ModTime":null,"ContentType":""}"#;
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }
}
