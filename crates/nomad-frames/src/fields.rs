//! The four keys of a stream frame, found in an object that is already known to be whole.

use crate::members::{Member, Members, ValueKind};
use crate::span::Span;
use crate::text::{matches_key, parse_integer};

/// Where the parts of a frame lie, and its offset. Empty spans are keys that are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) data: Span,
    pub(crate) file: Span,
    pub(crate) event: Span,
    pub(crate) offset: i64,
}

/// A key of a frame whose value is of the wrong kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType {
    /// The value, counted from the first byte of the frame.
    pub(crate) at: usize,
    pub(crate) key: &'static str,
    pub(crate) expected: &'static str,
}

impl Fields {
    /// Reads the fields of `json`, in any order. As in Go the last of several equal keys wins,
    /// `null` leaves a field as it is (but empties `Data`), and unknown keys do not matter.
    pub(crate) fn parse(json: &[u8], known: Span) -> Result<Self, WrongType> {
        let mut fields = Self::default();
        for member in Members::new(json, known) {
            let key = &json[member.key.range()];
            if matches_key(key, "Data") {
                fields.data = match member.kind {
                    ValueKind::Null => Span::default(),
                    _ => string_span("Data", member)?.unwrap_or_default(),
                };
            } else if matches_key(key, "File") {
                fields.file = string_span("File", member)?.unwrap_or(fields.file);
            } else if matches_key(key, "FileEvent") {
                fields.event = string_span("FileEvent", member)?.unwrap_or(fields.event);
            } else if matches_key(key, "Offset") {
                fields.offset = offset_value(json, member)?.unwrap_or(fields.offset);
            }
        }
        Ok(fields)
    }
}

fn string_span(key: &'static str, member: Member) -> Result<Option<Span>, WrongType> {
    match member.kind {
        ValueKind::String => Ok(Some(member.value)),
        ValueKind::Null => Ok(None),
        _ => Err(WrongType { at: member.value.start(), key, expected: "a string" }),
    }
}

fn offset_value(json: &[u8], member: Member) -> Result<Option<i64>, WrongType> {
    let wrong = |at| WrongType { at, key: "Offset", expected: "a 64-bit integer" };
    match member.kind {
        ValueKind::Null => Ok(None),
        ValueKind::Number => match parse_integer(&json[member.value.range()]) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(member.value.start())),
        },
        // The value of a string begins after its quote, the error at it.
        ValueKind::String => Err(wrong(member.value.start() - 1)),
        _ => Err(wrong(member.value.start())),
    }
}
