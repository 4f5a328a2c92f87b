//! One message that is there as a whole: a line, a websocket message, an element of an array.

use crate::error::FrameError;
use crate::limits::Limits;
use crate::members::{Kind, Member, Members};
use crate::scan::{Fault, FaultKind, Look, Scan};
use crate::span::Span;
use crate::text::{integer, spells};

/// An object whose grammar has been vouched for, and the key that a fault is blamed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<'a> {
    pub(crate) json: &'a [u8],
    /// Its first byte in the message, for error positions.
    pub(crate) at: u64,
}

impl<'a> Whole<'a> {
    /// Checks that `json` is one object, with nothing but blanks around it.
    pub(crate) fn check(json: &'a [u8], limits: Limits) -> Result<Self, FrameError> {
        let limits = limits.capped();
        let json = json.trim_ascii_end();
        let start = json.len() - json.trim_ascii_start().len();
        let (at, json) = (start as u64, &json[start..]);
        if json.len() > limits.max_frame {
            return Err(FrameError::TooLong { at, limit: limits.max_frame });
        }
        let mut scan = Scan::new(Look::Strict, limits.max_depth);
        match scan.run(json) {
            Ok(Some(end)) if end == json.len() => Ok(Self { json, at }),
            Ok(Some(end)) => {
                Err(FrameError::Syntax { at: at + end as u64, expected: "the end of the message" })
            }
            Ok(None) => Err(FrameError::Truncated { at, end: at + json.len() as u64 }),
            Err(Fault { at: fault, kind: FaultKind::Expected(expected) }) => {
                Err(FrameError::Syntax { at: at + fault as u64, expected })
            }
            Err(Fault { at: fault, kind: FaultKind::TooDeep }) => {
                Err(FrameError::TooDeep { at: at + fault as u64, limit: limits.max_depth })
            }
        }
    }

    pub(crate) const fn members(&self) -> Members<'a> {
        Members::new(self.json, Span::new(0, 0))
    }

    /// The value of `key`, the last one if there are several, unless it is `null`.
    pub(crate) fn find(&self, key: &'static str) -> Option<Found<'a>> {
        let is_key = |m: &Member| spells(&self.json[m.key.range()], key);
        let member = self.members().filter(is_key).last()?;
        let bytes = &self.json[member.value.range()];
        let at = self.at + member.value.start() as u64;
        (member.kind != Kind::Null).then_some(Found { key, kind: member.kind, bytes, at })
    }
}

/// A value, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    key: &'static str,
    kind: Kind,
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Found<'a> {
    pub(crate) fn string(self) -> Result<&'a [u8], FrameError> {
        self.expect(self.kind == Kind::String, "a string").map(|()| self.bytes)
    }

    pub(crate) fn array(self) -> Result<&'a [u8], FrameError> {
        self.expect(self.kind == Kind::Array, "an array").map(|()| self.bytes)
    }

    pub(crate) fn object(self) -> Result<Whole<'a>, FrameError> {
        let whole = Whole { json: self.bytes, at: self.at };
        self.expect(self.kind == Kind::Object, "an object").map(|()| whole)
    }

    pub(crate) fn truth(self) -> Result<bool, FrameError> {
        let is_bool = matches!(self.kind, Kind::True | Kind::False);
        self.expect(is_bool, "true or false").map(|()| self.kind == Kind::True)
    }

    pub(crate) fn integer(self) -> Result<i64, FrameError> {
        let value = integer(self.bytes).filter(|_| self.kind == Kind::Number);
        self.expect(value.is_some(), "a 64-bit integer").map(|()| value.unwrap_or_default())
    }

    fn expect(self, is: bool, expected: &'static str) -> Result<(), FrameError> {
        if is { Ok(()) } else { Err(FrameError::Type { at: self.at, key: self.key, expected }) }
    }
}
