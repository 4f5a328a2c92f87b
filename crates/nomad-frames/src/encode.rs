//! From (file, event, offset, bytes) to the bytes that Nomad writes.

use bytes::{BufMut as _, BytesMut};

use crate::base64;

/// One frame about to be sent: borrowed parts, nothing owned.
///
/// The fields are Nomad's `File`, `FileEvent`, `Offset` and `Data`; an empty string, a zero or
/// no bytes mean that the key is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFrame<'a> {
    /// The file the bytes are from, as the reader knows it (`alloc/logs/web.stdout.0`).
    pub file: &'a str,
    /// What happened to the file: `file deleted`, `file truncated`, or `log` on a monitor.
    pub event: &'a str,
    /// The position in the file just after `data`, in bytes.
    pub offset: i64,
    /// The bytes themselves, not yet in base64.
    pub data: &'a [u8],
}

impl StreamFrame<'_> {
    /// The frame that says nothing: the heartbeat, `{}` on the wire.
    pub const HEARTBEAT: StreamFrame<'static> =
        StreamFrame { file: "", event: "", offset: 0, data: &[] };

    /// Whether every field is empty, so that the frame is a heartbeat.
    #[must_use]
    pub const fn is_heartbeat(&self) -> bool {
        self.file.is_empty() && self.event.is_empty() && self.offset == 0 && self.data.is_empty()
    }

    /// Appends exactly the bytes that Nomad sends for this frame: keys in alphabetical order,
    /// empty ones left out, padded base64, no white space, no newline after it.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use nomad_frames::StreamFrame;
    ///
    /// let mut out = BytesMut::new();
    /// StreamFrame { file: "web.stdout.0", event: "", offset: 3, data: b"hi\n" }.encode(&mut out);
    /// StreamFrame::HEARTBEAT.encode(&mut out);
    /// assert_eq!(out, r#"{"Data":"aGkK","File":"web.stdout.0","Offset":3}{}"#);
    /// ```
    pub fn encode(&self, out: &mut BytesMut) {
        let encoded = base64::encoded_len(self.data.len());
        out.reserve(encoded + self.file.len() + self.event.len() + ENVELOPE);
        let mut before = b'{';
        if !self.data.is_empty() {
            out.put_slice(br#"{"Data":""#);
            let start = out.len();
            out.put_bytes(0, encoded);
            base64::encode(self.data, &mut out[start..]);
            out.put_u8(b'"');
            before = b',';
        }
        if !self.file.is_empty() {
            before = put_key(out, before, br#""File":"#);
            put_string(out, self.file);
        }
        if !self.event.is_empty() {
            before = put_key(out, before, br#""FileEvent":"#);
            put_string(out, self.event);
        }
        if self.offset != 0 {
            before = put_key(out, before, br#""Offset":"#);
            put_integer(out, self.offset);
        }
        if before == b'{' {
            out.put_u8(b'{');
        }
        out.put_u8(b'}');
    }
}

/// Room for the keys, the punctuation and the longest offset: 9 + 1 + 10 + 15 + 10 + 20 + 1.
const ENVELOPE: usize = 66;

/// Writes what comes before a value and returns what comes before the next key.
fn put_key(out: &mut BytesMut, before: u8, key: &[u8]) -> u8 {
    out.put_u8(before);
    out.put_slice(key);
    b','
}

/// Writes a JSON string as Nomad's encoder does: `<`, `>`, `&` and `/` stay as they are.
pub(crate) fn put_string(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    if text.bytes().any(|b| b < b' ' || b == b'"' || b == b'\\' || b == 0xe2) {
        put_escaped(out, text);
    } else {
        out.put_slice(text.as_bytes());
    }
    out.put_u8(b'"');
}

#[cold]
fn put_escaped(out: &mut BytesMut, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for c in text.chars() {
        let short = match c {
            '"' | '\\' => c as u8,
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            // JavaScript once ended a line at U+2028 and U+2029, so Go's encoders escape both.
            '\0'..' ' | '\u{2028}' | '\u{2029}' => b'u',
            _ => {
                out.put_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.put_slice(&[b'\\', short]);
        if short == b'u' {
            let code = c as usize;
            out.put_slice(&[12, 8, 4, 0].map(|shift| HEX[code >> shift & 15]));
        }
    }
}

/// Writes a decimal integer.
pub(crate) fn put_integer(out: &mut BytesMut, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.put_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frame: StreamFrame<'_>, expect: &str) {
        let mut out = BytesMut::from(&b"before"[..]);
        frame.encode(&mut out);
        assert_eq!(std::str::from_utf8(&out[6..]).unwrap(), expect);
    }

    #[test]
    fn frames_are_written_as_nomad_writes_them() {
        check(
            StreamFrame {
                file: "alloc/logs/web.stdout.0",
                offset: 40,
                data: b"<script>alert(document.domain);</script>",
                event: "",
            },
            "{\"Data\":\"PHNjcmlwdD5hbGVydChkb2N1bWVudC5kb21haW4pOzwvc2NyaXB0Pg==\",\
             \"File\":\"alloc/logs/web.stdout.0\",\"Offset\":40}",
        );
        check(StreamFrame::HEARTBEAT, "{}");
        check(
            StreamFrame {
                file: "alloc/logs/web.stdout.0",
                event: "file deleted",
                offset: 3,
                data: b"",
            },
            r#"{"File":"alloc/logs/web.stdout.0","FileEvent":"file deleted","Offset":3}"#,
        );
        check(
            StreamFrame { file: "x", event: "file truncated", ..StreamFrame::HEARTBEAT },
            r#"{"File":"x","FileEvent":"file truncated"}"#,
        );
        check(
            StreamFrame { event: "log", data: b"x", ..StreamFrame::HEARTBEAT },
            r#"{"Data":"eA==","FileEvent":"log"}"#,
        );
        check(StreamFrame { offset: i64::MIN, ..StreamFrame::HEARTBEAT }, {
            r#"{"Offset":-9223372036854775808}"#
        });
    }

    #[test]
    fn strings_are_escaped_as_nomad_escapes_them() {
        let file = "a<b>&\"\\/\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}é\u{2028}\u{2029}\u{2030}😀";
        check(
            StreamFrame { file, ..StreamFrame::HEARTBEAT },
            "{\"File\":\"a<b>&\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\\u001f\u{7f}é\\u2028\\u2029\u{2030}😀\"}",
        );
    }

    #[test]
    fn the_envelope_is_reserved_at_once() {
        let mut out = BytesMut::new();
        let frame = StreamFrame { file: "f", event: "e", offset: i64::MIN, data: b"0123456789" };
        frame.encode(&mut out);
        assert_eq!(out.len(), ENVELOPE + base64::encoded_len(10) + 2);
    }
}
