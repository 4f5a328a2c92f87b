//! JSON as Nomad writes it.
//!
//! Nomad's encoder is not Go's `encoding/json` and not `serde_json` either: floats always carry a
//! fraction or an exponent (`0.0`, `100.0`, `1e-07`), U+2028 and U+2029 are escaped, `<`, `>` and
//! `&` are not, and struct keys come out either sorted by byte or in the order of declaration,
//! depending on the type. [`to_json`] prints any body of this crate in that form, [`lossy_string`] makes a
//! string of bytes that may not be text, and [`UnknownFields`] holds the keys a newer Nomad added.

mod base64_text;
mod decode;
mod go_formatter;
mod object_writer;
mod unknown_fields;

pub use self::decode::{BodyError, DecodeError};
pub(crate) use self::{
    base64_text::{Base64, base64_bytes},
    decode::{Object, string_list},
};
pub(crate) use crate::json::object_writer::{ObjectWriter, null_is_default};
pub use crate::json::{go_formatter::to_json_escaped, unknown_fields::UnknownFields};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter};

use crate::json::go_formatter::GoFormatter;

/// What `?pretty` turns into: four spaces a level.
const INDENT: &[u8] = b"    ";

/// How a JSON answer is laid out; `?pretty` chooses.
#[expect(clippy::exhaustive_enums, reason = "a JSON answer is compact or indented, nothing else")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// No white space at all, no newline at the end.
    #[default]
    Compact,
    /// Four spaces a level, `": "` after a key, one newline at the end.
    Pretty,
}

/// Prints a body the way Nomad's HTTP API does.
///
/// Floats that are not finite have no JSON form and become `null`, which Go clients read as zero.
///
/// # Errors
///
/// Only a foreign `Serialize` implementation can fail here (a map whose keys are not text, say);
/// the bodies of this crate always print.
///
/// ```
/// use nomad_wire::{agent::Join, json::{Layout, to_json}};
///
/// let answer = Join { num_joined: 1, ..Join::default() };
/// assert_eq!(to_json(&answer, Layout::Compact)?, br#"{"error":"","num_joined":1,"warning":""}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn to_json<T: Serialize + ?Sized>(value: &T, layout: Layout) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(256);
    match layout {
        Layout::Compact => {
            let form = GoFormatter::new(CompactFormatter);
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, form))?;
        }
        Layout::Pretty => {
            let form = GoFormatter::new(PrettyFormatter::with_indent(INDENT));
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, form))?;
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// Text of bytes that may not be UTF-8 (file names, environment variables, command output).
///
/// Every byte that belongs to no character becomes one U+FFFD, as Nomad's encoder does it;
/// `String::from_utf8_lossy` would put one for a whole broken sequence.
#[must_use]
pub fn lossy_string(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact<T: Serialize>(value: T) -> String {
        String::from_utf8(to_json(&value, Layout::Compact).unwrap()).unwrap()
    }

    #[test]
    fn floats_carry_a_fraction_or_an_exponent() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1.5, "1.5"),
            (2.879_053_354_263_305_7, "2.8790533542633057"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1.25e-7, "1.25e-07"),
            (-3e-300, "-3e-300"),
            (1e16, "10000000000000000.0"),
            (1e20, "100000000000000000000.0"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "null"),
        ];
        for (value, wire) in cases {
            assert_eq!(compact(value), wire);
        }
        assert_eq!(compact(0.1_f32), "0.1");
        assert_eq!(compact(1e-7_f32), "1e-07");
    }

    #[test]
    fn integers_stay_plain() {
        assert_eq!(compact(i64::MIN), "-9223372036854775808");
        assert_eq!(compact(u64::MAX), "18446744073709551615");
    }

    #[test]
    fn only_what_go_escapes_is_escaped() {
        let given = "<a>&\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é\u{2028}\u{2029}\u{fffd}x";
        let wire = "\"<a>&\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é\\u2028\\u2029\\ufffdx\"";
        assert_eq!(compact(given), wire);
    }

    #[test]
    fn pretty_has_four_spaces_and_a_newline() {
        let value = serde_json::json!({"a": [1, {}], "b": []});
        let wire = "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": []\n}\n";
        assert_eq!(to_json(&value, Layout::Pretty).unwrap(), wire.as_bytes());
    }

    #[test]
    fn one_replacement_for_each_bad_byte() {
        assert_eq!(lossy_string(b"a\xe2\x82z\xff"), "a\u{fffd}\u{fffd}z\u{fffd}");
        assert_eq!(lossy_string("é".as_bytes()), "é");
    }
}
