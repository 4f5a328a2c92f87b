//! How Go reads and quotes the values that Nomad passes on to it: the texts of these errors reach callers.

use std::time::Duration;

use thiserror::Error;

/// A query value that is no boolean, in the words of Go's `strconv.ParseBool`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("strconv.ParseBool: parsing {}: invalid syntax", quote(.0))]
pub struct BoolError(pub(crate) Box<str>);

/// A query value that is no 64-bit integer, in the words of Go's `strconv.ParseInt`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IntError {
    /// Not a decimal number.
    #[error("strconv.ParseInt: parsing {}: invalid syntax", quote(.0))]
    Syntax(Box<str>),
    /// A decimal number that does not fit.
    #[error("strconv.ParseInt: parsing {}: value out of range", quote(.0))]
    Range(Box<str>),
}

/// A query value that is no duration, in the words of Go's `time.ParseDuration`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Not of the form `1h2m3.5s`.
    #[error("time: invalid duration {}", quote(.0))]
    Invalid(Box<str>),
    /// A number without a unit.
    #[error("time: missing unit in duration {}", quote(.0))]
    MissingUnit(Box<str>),
    /// A unit that does not exist.
    #[error("time: unknown unit {} in duration {}", quote(.unit), quote(.text))]
    UnknownUnit {
        /// The unit.
        unit: Box<str>,
        /// The whole value.
        text: Box<str>,
    },
}

/// `1 t T TRUE true True` and `0 f F FALSE false False`, nothing else.
pub(crate) fn parse_bool(text: &str) -> Result<bool, BoolError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(BoolError(text.into())),
    }
}

/// A signed 64-bit decimal with an optional sign.
pub(crate) fn parse_int(text: &str) -> Result<i64, IntError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IntError::Syntax(text.into()));
    }
    text.parse().map_err(|_| IntError::Range(text.into()))
}

/// A signed sequence of decimal numbers, each with a unit: `300ms`, `-1.5h`, `2h45m`; `0` needs no unit.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let invalid = || DurationError::Invalid(text.into());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos = 0_f64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..number_end].parse().map_err(|_| invalid())?;
        rest = &rest[number_end..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        nanos += number * unit_nanos(&rest[..unit_end], text)?;
        rest = &rest[unit_end..];
    }
    // A negative wait is a wait of nothing.
    if negative || !nanos.is_finite() {
        Ok(Duration::ZERO)
    } else {
        Ok(Duration::from_nanos(nanos as u64))
    }
}

fn unit_nanos(unit: &str, text: &str) -> Result<f64, DurationError> {
    match unit {
        "ns" => Ok(1.0),
        "us" | "µs" | "μs" => Ok(1e3),
        "ms" => Ok(1e6),
        "s" => Ok(1e9),
        "m" => Ok(60e9),
        "h" => Ok(3600e9),
        "" => Err(DurationError::MissingUnit(text.into())),
        _ => Err(DurationError::UnknownUnit { unit: unit.into(), text: text.into() }),
    }
}

/// Go's `%q`: double quotes, with escapes for what cannot be printed.
#[must_use]
pub fn quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{b}' => quoted.push_str("\\v"),
            // Writing to a string cannot fail.
            c if (c as u32) < 0x20 || c == '\u{7f}' => drop(write!(quoted, "\\x{:02x}", c as u32)),
            c if c.is_control() => drop(write!(quoted, "\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_spelled_as_go_spells_them() {
        assert!(parse_bool("True").unwrap());
        assert!(!parse_bool("F").unwrap());
        assert_eq!(
            parse_bool("yEs").unwrap_err().to_string(),
            r#"strconv.ParseBool: parsing "yEs": invalid syntax"#
        );
    }

    #[test]
    fn integers_have_gos_errors() {
        assert_eq!(parse_int("-5").unwrap(), -5);
        assert_eq!(parse_int("+7").unwrap(), 7);
        assert_eq!(
            parse_int("").unwrap_err().to_string(),
            r#"strconv.ParseInt: parsing "": invalid syntax"#
        );
        assert_eq!(
            parse_int("9223372036854775808").unwrap_err().to_string(),
            r#"strconv.ParseInt: parsing "9223372036854775808": value out of range"#
        );
    }

    #[test]
    fn durations_have_gos_units_and_errors() {
        assert_eq!(parse_duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_duration("1.5h").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("0").unwrap(), Duration::ZERO);
        assert_eq!(
            parse_duration("98seconds").unwrap_err().to_string(),
            r#"time: unknown unit "seconds" in duration "98seconds""#
        );
        assert_eq!(
            parse_duration("5").unwrap_err().to_string(),
            r#"time: missing unit in duration "5""#
        );
        assert_eq!(
            parse_duration("bad").unwrap_err().to_string(),
            r#"time: invalid duration "bad""#
        );
    }

    #[test]
    fn quotes_escape_as_go_does() {
        assert_eq!(quote("a\"b\\c\n\u{1}"), r#""a\"b\\c\n\x01""#);
    }
}
