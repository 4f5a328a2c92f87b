//! From (file, event, offset, bytes) to the bytes that Nomad writes.

use bytes::{BufMut as _, BytesMut};

use crate::base64;
use crate::scanner::DATA_PREFIX;

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
        out.reserve(DATA_PREFIX.len() + base64::encoded_len(self.data.len()) + 1);
        let mut before = b'{';
        if !self.data.is_empty() {
            out.put_slice(DATA_PREFIX);
            write_base64(out, self.data);
            out.put_u8(b'"');
            before = b',';
        }
        write_tail(out, before, self.file, self.event, self.offset);
    }
}

/// Room in a `BytesMut` has to be filled before it can be written to.
fn write_base64(out: &mut BytesMut, data: &[u8]) {
    let start = out.len();
    out.put_bytes(0, base64::encoded_len(data.len()));
    base64::encode(data, &mut out[start..]);
}

/// Writes what follows the data, up to the last brace. `before` is what comes before a key.
pub(crate) fn write_tail(out: &mut BytesMut, before: u8, file: &str, event: &str, offset: i64) {
    let start = out.len();
    // Filled at once and cut off at the end, which costs less than to ask for room each time.
    let (file_room, event_room) = (max_escaped_len(file), max_escaped_len(event));
    out.put_bytes(0, file_room + event_room + MAX_ENVELOPE_LEN);
    let mut rest = SliceWriter { out: &mut out[start..], at: 0, separator: before };
    if !file.is_empty() {
        rest.key(br#""File":"#);
        rest.string(file, file_room);
    }
    if !event.is_empty() {
        rest.key(br#""FileEvent":"#);
        rest.string(event, event_room);
    }
    if offset != 0 {
        rest.key(br#""Offset":"#);
        rest.at += write_decimal(offset, &mut rest.out[rest.at..]);
    }
    if rest.separator == b'{' {
        rest.put(b"{");
    }
    rest.put(b"}");
    let end = start + rest.at;
    out.truncate(end);
}

/// Room for three keys and what is around them, four quotes, the longest offset, and two braces.
const MAX_ENVELOPE_LEN: usize = 8 + 13 + 10 + 4 + MAX_DECIMAL_LEN + 2;

/// No less than what `text` becomes as the inside of a JSON string.
fn max_escaped_len(text: &str) -> usize {
    if needs_no_escape(text) { text.len() } else { 6 * text.len() }
}

/// Whether nothing in `text` has to be escaped, as far as a look at single bytes can tell.
/// Without an early way out, so that the compiler turns it into vector code.
fn needs_no_escape(text: &str) -> bool {
    let special = |b: u8| b < b' ' || b == b'"' || b == b'\\' || b == 0xe2;
    !text.bytes().fold(false, |found, b| found | special(b))
}

/// Writes into room that is known to be enough.
struct SliceWriter<'a> {
    out: &'a mut [u8],
    at: usize,
    separator: u8,
}

impl SliceWriter<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    #[inline]
    fn key(&mut self, key: &[u8]) {
        self.out[self.at] = std::mem::replace(&mut self.separator, b',');
        self.at += 1;
        self.put(key);
    }

    /// A JSON string as Nomad's encoder writes it: `<`, `>`, `&` and `/` stay as they are.
    #[inline]
    fn string(&mut self, text: &str, room: usize) {
        self.put(b"\"");
        if room == text.len() {
            self.put(text.as_bytes());
        } else {
            text.chars().for_each(|c| self.put_escaped(c));
        }
        self.put(b"\"");
    }

    #[cold]
    fn put_escaped(&mut self, c: char) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let short = match c {
            '"' | '\\' => c as u8,
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            // JavaScript once ended a line at U+2028 and U+2029, so Go's encoders escape both.
            '\0'..' ' | '\u{2028}' | '\u{2029}' => b'u',
            _ => return self.put(c.encode_utf8(&mut [0; 4]).as_bytes()),
        };
        self.put(&[b'\\', short]);
        if short == b'u' {
            let code = c as usize;
            self.put(&[12, 8, 4, 0].map(|shift| HEX[code >> shift & 15]));
        }
    }
}

/// The longest that [`write_decimal`] writes.
pub(crate) const MAX_DECIMAL_LEN: usize = 20;

/// Writes `value` to the start of `room` and returns its length. In place, because bytes that
/// were just written one by one are slow to copy on.
pub(crate) fn write_decimal(value: i64, room: &mut [u8]) -> usize {
    let sign = usize::from(value < 0);
    let mut rest = value.unsigned_abs();
    let len = sign + rest.checked_ilog10().map_or(1, |log| log as usize + 1);
    for digit in room[sign..len].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if sign == 1 {
        room[0] = b'-';
    }
    len
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
    fn the_longest_envelope_has_room() {
        let (file, event) = ("\u{1}".repeat(50), "\u{2}".repeat(50));
        let frame = StreamFrame { file: &file, event: &event, offset: i64::MIN, data: b"x" };
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        let prefix = DATA_PREFIX.len() + 5;
        assert_eq!(out.len(), prefix + 6 * 100 + MAX_ENVELOPE_LEN - 1);
    }
}
