//! One message that is there as a whole: a line, a websocket message, an element of an array.

use crate::error::FrameError;
use crate::limits::Limits;
use crate::members::{Member, Members, ValueKind};
use crate::scanner::{ScanError, ScanErrorKind, Scanner, Validation};
use crate::span::Span;
use crate::text::{matches_key, parse_integer};

/// An object whose grammar has been vouched for, and the key that a fault is blamed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonObject<'a> {
    pub(crate) json: &'a [u8],
    /// Its first byte in the message, for error positions.
    pub(crate) position: u64,
}

impl<'a> JsonObject<'a> {
    /// Checks that `json` is one object, with nothing but blanks around it.
    pub(crate) fn parse(json: &'a [u8], limits: Limits) -> Result<Self, FrameError> {
        let limits = limits.clamp();
        let json = json.trim_ascii_end();
        let start = json.len() - json.trim_ascii_start().len();
        let (at, json) = (start as u64, &json[start..]);
        if json.len() > limits.max_frame {
            return Err(FrameError::TooLong { at, limit: limits.max_frame });
        }
        let mut scan = Scanner::new(Validation::Strict, limits.max_depth);
        match scan.scan(json) {
            Ok(Some(end)) if end == json.len() => Ok(Self { json, position: at }),
            Ok(Some(end)) => {
                Err(FrameError::Syntax { at: at + end as u64, expected: "the end of the message" })
            }
            Ok(None) => Err(FrameError::Truncated { at, end: at + json.len() as u64 }),
            Err(ScanError { at: fault, kind: ScanErrorKind::Expected(expected) }) => {
                Err(FrameError::Syntax { at: at + fault as u64, expected })
            }
            Err(ScanError { at: fault, kind: ScanErrorKind::TooDeep }) => {
                Err(FrameError::TooDeep { at: at + fault as u64, limit: limits.max_depth })
            }
        }
    }

    pub(crate) const fn members(&self) -> Members<'a> {
        Members::new(self.json, Span::new(0, 0))
    }

    /// The value of `key`, the last one if there are several, unless it is `null`.
    pub(crate) fn find(&self, key: &'static str) -> Option<JsonValue<'a>> {
        let is_key = |m: &Member| matches_key(&self.json[m.key.range()], key);
        let member = self.members().filter(is_key).last()?;
        let bytes = &self.json[member.value.range()];
        let at = self.position + member.value.start() as u64;
        (member.kind != ValueKind::Null).then_some(JsonValue {
            key,
            kind: member.kind,
            bytes,
            position: at,
        })
    }
}

/// A value, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonValue<'a> {
    key: &'static str,
    kind: ValueKind,
    bytes: &'a [u8],
    position: u64,
}

impl<'a> JsonValue<'a> {
    pub(crate) fn string(self) -> Result<&'a [u8], FrameError> {
        self.expect(self.kind == ValueKind::String, "a string").map(|()| self.bytes)
    }

    pub(crate) fn array(self) -> Result<&'a [u8], FrameError> {
        self.expect(self.kind == ValueKind::Array, "an array").map(|()| self.bytes)
    }

    pub(crate) fn object(self) -> Result<JsonObject<'a>, FrameError> {
        let whole = JsonObject { json: self.bytes, position: self.position };
        self.expect(self.kind == ValueKind::Object, "an object").map(|()| whole)
    }

    pub(crate) fn boolean(self) -> Result<bool, FrameError> {
        let is_bool = matches!(self.kind, ValueKind::True | ValueKind::False);
        self.expect(is_bool, "true or false").map(|()| self.kind == ValueKind::True)
    }

    pub(crate) fn integer(self) -> Result<i64, FrameError> {
        let value = parse_integer(self.bytes).filter(|_| self.kind == ValueKind::Number);
        self.expect(value.is_some(), "a 64-bit integer").map(|()| value.unwrap_or_default())
    }

    fn expect(self, is: bool, expected: &'static str) -> Result<(), FrameError> {
        if is {
            Ok(())
        } else {
            Err(FrameError::Type { at: self.position, key: self.key, expected })
        }
    }
}
