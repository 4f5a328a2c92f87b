//! The layout that Nomad itself writes, read in one go: `{"Data":"…","File":"…","FileEvent":"…",
//! "Offset":…}` without blanks, of which all but `Data` may be missing, and `{}`.
//!
//! Two guesses make this fast: that the frame is laid out like this, and that what follows its
//! data is what followed the data of the frame before, up to the offset. A wrong guess costs a
//! look and nothing else: the scanner then reads the frame from its start.

use memchr::memchr;

use crate::fields::Fields;
use crate::scanner::{DATA_PREFIX, find_quote};
use crate::span::Span;

/// What the window holds, as far as the guess goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    /// A whole frame of this many bytes.
    Frame(usize, Fields),
    /// The window ends inside `Data`, and has no quote in it.
    InsideData,
    /// Something else, perhaps only an unfinished frame: a case for the scanner.
    Miss,
}

/// Reads frames in Nomad's layout and remembers what followed the last one's data.
#[derive(Debug, Default)]
pub(crate) struct LayoutPredictor {
    /// From the quote that closes `Data` to the first digit of the offset, or to the end of a
    /// frame that has no offset.
    tail: Vec<u8>,
    /// `File` and `FileEvent` in `tail`.
    file: Span,
    event: Span,
    /// Whether `tail` ends before an offset, or with the frame.
    has_offset: bool,
}

/// A tail longer than this is not remembered: a path of this length costs more than its guess.
const MAX_TAIL: usize = 1_024;

impl LayoutPredictor {
    /// Looks at `window`, which begins with the first byte of a frame.
    #[inline]
    pub(crate) fn predict(&mut self, window: &[u8]) -> Prediction {
        let Some(body) = window.strip_prefix(DATA_PREFIX) else {
            return if window.starts_with(b"{}") {
                Prediction::Frame(2, Fields::default())
            } else {
                Prediction::Miss
            };
        };
        let Some(quote) = find_quote(body) else { return Prediction::InsideData };
        if quote > 0 && body[quote - 1] == b'\\' {
            return Prediction::Miss;
        }
        match self.predict_tail(&body[quote..], DATA_PREFIX.len() + quote) {
            Some((len, fields)) => Prediction::Frame(len, fields),
            None => Prediction::Miss,
        }
    }

    /// The frame whose `Data` begins where it always does and ends at `quote`, and of which
    /// `rest` is what follows from that quote on. Its length, and its fields.
    #[inline]
    pub(crate) fn predict_tail(&mut self, rest: &[u8], quote: usize) -> Option<(usize, Fields)> {
        if !starts_with_tail(rest, &self.tail) {
            self.learn(rest)?;
        }
        let mut end = self.tail.len();
        let mut offset = 0;
        if self.has_offset {
            let (value, digits) = offset_digits(&rest[end..])?;
            offset = value;
            end += digits + 1;
        }
        let place = |span: Span| if span.is_empty() { Span::default() } else { span.shift(quote) };
        let data = Span::new(DATA_PREFIX.len(), quote);
        let (file, event) = (place(self.file), place(self.event));
        Some((quote + end, Fields { data, file, event, offset }))
    }

    /// Takes `rest` apart, which begins with the quote that closes `Data`, and remembers it.
    #[cold]
    fn learn(&mut self, rest: &[u8]) -> Option<()> {
        let mut at = 1;
        let file = plain_string(rest, &mut at, br#","File":""#)?;
        let event = plain_string(rest, &mut at, br#","FileEvent":""#)?;
        let has_offset = rest[at..].starts_with(br#","Offset":"#);
        at += if has_offset { 10 } else { 1 };
        let tail = rest.get(..at).filter(|tail| has_offset || tail.ends_with(b"}"))?;
        if tail.len() > MAX_TAIL {
            return None;
        }
        self.tail.clear();
        self.tail.extend_from_slice(tail);
        (self.file, self.event, self.has_offset) = (file, event, has_offset);
        Some(())
    }
}

/// Whether `bytes` begin with `tail`, which is not empty. The usual lengths are compared as two
/// blocks that overlap, which the compiler turns into a few vector instructions.
#[inline]
fn starts_with_tail(bytes: &[u8], tail: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..tail.len()) else { return false };
    match tail.len() {
        0 => false,
        32..=64 => same_ends::<32>(bytes, tail),
        16..32 => same_ends::<16>(bytes, tail),
        _ => bytes == tail,
    }
}

/// Whether the first and the last `N` bytes are the same.
#[inline]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

/// The string after `key`, if `key` stands at `at` in `rest`, which then moves behind it. An
/// empty span if the key is not there; nothing if the string is unfinished, or not so plain
/// that its bytes can be taken as they are.
fn plain_string(rest: &[u8], at: &mut usize, key: &[u8]) -> Option<Span> {
    if !rest[*at..].starts_with(key) {
        return Some(Span::default());
    }
    let start = *at + key.len();
    let end = start + memchr(b'"', &rest[start..])?;
    if rest[start..end].iter().any(|b| *b < b' ' || *b == b'\\') {
        return None;
    }
    *at = end + 1;
    Some(Span::new(start, end))
}

/// The integer at the start of `bytes`, and its length, if it is no longer than 18 digits, has
/// no sign, and a `}` follows.
fn offset_digits(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0_i64;
    for (i, byte) in bytes.iter().take(19).enumerate() {
        match byte {
            b'0'..=b'9' if i < 18 => value = value * 10 + i64::from(byte - b'0'),
            b'}' if i == 1 || (i > 1 && bytes[0] != b'0') => return Some((value, i)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &mut LayoutPredictor, json: &str, parts: (&str, &str, &str, i64)) {
        let more = format!("{json}{{\"Data");
        let Prediction::Frame(len, fields) = layout.predict(more.as_bytes()) else {
            panic!("{json}")
        };
        assert_eq!(len, json.len());
        let (data, file, event) =
            (&more[fields.data.range()], &more[fields.file.range()], &more[fields.event.range()]);
        assert_eq!((data, file, event, fields.offset), parts);
        assert_eq!(Fields::parse(json.as_bytes(), Span::default()), Ok(fields));
    }

    #[test]
    fn nomads_frames_are_guessed() {
        let layout = &mut LayoutPredictor::default();
        check(layout, r#"{"Data":"eA==","File":"f","Offset":1}"#, ("eA==", "f", "", 1));
        check(layout, r#"{"Data":"eHg=","File":"f","Offset":23}"#, ("eHg=", "f", "", 23));
        check(layout, r#"{"Data":"","File":"f","Offset":0}"#, ("", "f", "", 0));
        check(layout, r#"{"Data":"eA==","FileEvent":"log"}"#, ("eA==", "", "log", 0));
        check(layout, r#"{"Data":"eA==","FileEvent":"log"}"#, ("eA==", "", "log", 0));
        check(layout, r#"{"Data":"eA==","FileEvent":"log","Offset":5}"#, ("eA==", "", "log", 5));
        check(
            layout,
            r#"{"Data":"eA==","File":"f","FileEvent":"e","Offset":5}"#,
            ("eA==", "f", "e", 5),
        );
        check(layout, r#"{"Data":"eA=="}"#, ("eA==", "", "", 0));
        check(
            layout,
            r#"{"Data":"eA==","Offset":123456789012345678}"#,
            ("eA==", "", "", 123_456_789_012_345_678),
        );
        check(layout, "{}", ("", "", "", 0));
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_the_scanner() {
        for json in [
            r#"{"File":"f"}"#,
            r#"{ "Data":"eA=="}"#,
            r#"{"Data":"eA==" }"#,
            r#"{"Data":"eA==","File":"f\n"}"#,
            r#"{"Data":"eA\""}"#,
            r#"{"Data":"eA==","Offset":-1}"#,
            r#"{"Data":"eA==","Offset":01}"#,
            r#"{"Data":"eA==","Offset":}"#,
            r#"{"Data":"eA==","Offset":1 }"#,
            r#"{"Data":"eA==","Offset":1234567890123456789}"#,
            r#"{"Data":"eA==","File":"f","Other":1}"#,
            r#"{"Data":"eA==","File":"#,
            r#"{"Data":"eA==","#,
            r#"{"Data"#,
            "{",
            "",
        ] {
            assert_eq!(
                LayoutPredictor::default().predict(json.as_bytes()),
                Prediction::Miss,
                "{json}"
            );
        }
        assert_eq!(LayoutPredictor::default().predict(br#"{"Data":"eA="#), Prediction::InsideData);
    }

    #[test]
    fn a_known_tail_does_not_hide_a_cut_frame() {
        let mut layout = LayoutPredictor::default();
        let json = r#"{"Data":"eA==","File":"f","Offset":12}"#;
        check(&mut layout, json, ("eA==", "f", "", 12));
        for cut in 14..json.len() {
            assert_eq!(layout.predict(&json.as_bytes()[..cut]), Prediction::Miss, "{cut}");
        }
    }
}
