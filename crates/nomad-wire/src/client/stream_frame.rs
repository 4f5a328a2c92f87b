//! The frames of `fs/stream`, `fs/logs` and the agent monitor.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use crate::json::{Base64, ObjectWriter, UnknownFields, base64_bytes, null_is_default};

/// One object of a framed stream: `/v1/client/fs/stream/:id`, `/v1/client/fs/logs/:id` without
/// `plain`, `/v1/agent/monitor` and `monitor/export`.
///
/// Frames follow each other without any separator. Keys are sorted by byte, and each is left out
/// while it is empty or zero, so that `Default` is the heartbeat `{}`. `Debug` shows how many bytes
/// of data there are, not the data: logs may hold anything.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamFrame {
    /// Bytes of the file or log; base64 on the wire.
    #[serde(deserialize_with = "base64_bytes")]
    pub data: Bytes,
    /// Which file: the requested path, or `alloc/logs/<task>.<type>.<n>`.
    #[serde(deserialize_with = "null_is_default")]
    pub file: String,
    /// What happened to it: one of the constants of this type, or nothing.
    #[serde(deserialize_with = "null_is_default")]
    pub file_event: String,
    /// Roughly the position after `data` in the file. Nomad's figure is too small after merged
    /// reads and too large after a full frame, so readers count `data` instead.
    #[serde(deserialize_with = "null_is_default")]
    pub offset: i64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl StreamFrame {
    /// The file is gone.
    pub const DELETED: &'static str = "file deleted";
    /// The file became shorter; reading starts again at its beginning.
    pub const TRUNCATED: &'static str = "file truncated";
    /// The data is log output of an agent, from `/v1/agent/monitor`.
    pub const LOG: &'static str = "log";

    /// Whether the frame only says that the stream is alive.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        *self == Self::default()
    }
}

impl Serialize for StreamFrame {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write_some("Data", (!self.data.is_empty()).then_some(&Base64(&self.data)))?;
        keys.write_some("File", (!self.file.is_empty()).then_some(&self.file))?;
        keys.write_some("FileEvent", (!self.file_event.is_empty()).then_some(&self.file_event))?;
        keys.write_some("Offset", (self.offset != 0).then_some(&self.offset))?;
        keys.end()
    }
}

impl fmt::Debug for StreamFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamFrame")
            .field("data", &self.data.len())
            .field("file", &self.file)
            .field("file_event", &self.file_event)
            .field("offset", &self.offset)
            .field("other", &self.other)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    fn wire(frame: &StreamFrame) -> String {
        String::from_utf8(to_json(frame, Layout::Compact).unwrap()).unwrap()
    }

    #[test]
    fn a_frame_of_a_whole_log_is_byte_exact() {
        let data = Bytes::from_static(b"<script>alert(document.domain);</script>");
        let file = "alloc/logs/web.stdout.0".to_owned();
        let frame = StreamFrame { data, file, offset: 40, ..StreamFrame::default() };
        let expected = r#"{"Data":"PHNjcmlwdD5hbGVydChkb2N1bWVudC5kb21haW4pOzwvc2NyaXB0Pg==","File":"alloc/logs/web.stdout.0","Offset":40}"#;
        assert_eq!(wire(&frame), expected);
        assert_eq!(serde_json::from_str::<StreamFrame>(expected).unwrap(), frame);
        assert!(!format!("{frame:?}").contains("script"));
    }

    #[test]
    fn what_is_empty_is_left_out() {
        assert_eq!(wire(&StreamFrame::default()), "{}");
        assert!(serde_json::from_str::<StreamFrame>("{}").unwrap().is_heartbeat());
        let gone = StreamFrame {
            file: "x".to_owned(),
            file_event: StreamFrame::TRUNCATED.to_owned(),
            ..StreamFrame::default()
        };
        assert_eq!(wire(&gone), r#"{"File":"x","FileEvent":"file truncated"}"#);
        assert!(!gone.is_heartbeat());
    }

    #[test]
    fn broken_base64_is_an_error() {
        assert!(serde_json::from_str::<StreamFrame>(r#"{"Data":"a"}"#).is_err());
    }
}
