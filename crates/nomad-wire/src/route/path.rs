//! Paths as Go's `ServeMux` sees them (Go 1.22 and later, Nomad 1.8 and later): cleaned as they are written, and matched
//! segment by segment, each decoded. An escaped slash or dot is part of a name, and nothing that separates names.

mod redirect;

use std::borrow::Cow;

pub(super) use self::redirect::redirect_location;
use crate::query::hex_pair;

/// A path, and what a handler reads of it.
#[derive(Debug)]
pub(super) struct MuxPath<'a> {
    escaped: Cow<'a, str>,
    decoded: Cow<'a, str>,
}

impl<'a> MuxPath<'a> {
    /// `None` when an escape is bad: Go's server refuses such a request before its mux sees it.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        if !path.contains('%') {
            return Some(Self { escaped: Cow::Borrowed(path), decoded: Cow::Borrowed(path) });
        }
        let decoded = decode(path)?;
        Some(Self {
            escaped: escaped_path(path, &decoded),
            decoded: Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
        })
    }

    /// The path as it is decoded, where no slash in it was escaped: an escaped one makes it another path to the mux.
    pub(super) fn without_escaped_slashes(&self) -> Option<&str> {
        let slashes = |path: &str| path.bytes().filter(|byte| *byte == b'/').count();
        let is_exact = match &self.escaped {
            Cow::Borrowed(escaped) if *escaped == self.decoded => true,
            escaped => slashes(escaped) == slashes(&self.decoded),
        };
        is_exact.then_some(&self.decoded)
    }

    /// Whether it may be a path of this subtree: a look that costs little, for every request has a path.
    pub(super) fn may_be_in_subtree(&self, pattern: &str) -> bool {
        self.decoded.starts_with(pattern)
    }

    /// What a handler of a subtree reads behind its pattern, which ends with a slash.
    pub(super) fn strip_subtree(&self, pattern: &str) -> Option<&str> {
        let rest = self.decoded.strip_prefix(pattern)?;
        let depth = pattern.split('/').count() - 1;
        let fixed = self.escaped.split('/').take(depth);
        fixed
            .zip(pattern.split('/'))
            .all(|(one, other)| matches_segment(one, other))
            .then_some(rest)
    }
}

/// Whether a written segment is this one when it is decoded.
fn matches_segment(written: &str, segment: &str) -> bool {
    written == segment
        || (written.contains('%') && decode(written).as_deref() == Some(segment.as_bytes()))
}

/// The percent-decoded path, as text; as it is when an escape is bad.
pub(super) fn decode_lossy(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    match decode(path) {
        Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        None => Cow::Borrowed(path),
    }
}

fn decode(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'%' {
            bytes.push(hex_pair(*rest.first()?, *rest.get(1)?)?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    Some(bytes)
}

/// The path that the mux splits: the one that was sent, unless it holds a byte that must be escaped. Go then writes all of
/// it anew, and escaped slashes separate.
fn escaped_path<'a>(path: &'a str, decoded: &[u8]) -> Cow<'a, str> {
    let is_valid = |byte: u8| is_unescaped(byte) || b"!'()*[]%".contains(&byte);
    if path.bytes().all(is_valid) { Cow::Borrowed(path) } else { Cow::Owned(encode(decoded)) }
}

/// Percent-encodes what Go's `URL.String` encodes in a path.
pub(super) fn encode(path: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let path = path.as_ref();
    let mut out = String::with_capacity(path.len());
    for byte in path {
        if is_unescaped(*byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

fn is_unescaped(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~/$&+,:;=@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode_lossy("/a%2Fb%252e"), "/a/b%2e");
        assert_eq!(decode_lossy("/a%zz"), "/a%zz");
    }

    #[test]
    fn an_escaped_slash_belongs_to_its_segment() {
        let exact =
            |path| MuxPath::parse(path).unwrap().without_escaped_slashes().map(str::to_owned);
        assert_eq!(exact("/v1/metric%73").as_deref(), Some("/v1/metrics"));
        assert_eq!(exact("/v1%2Fmetrics"), None);
        let below =
            |path| MuxPath::parse(path).unwrap().strip_subtree("/v1/job/").map(str::to_owned);
        assert_eq!(below("/v1/jo%62/a%2F%2Fb").as_deref(), Some("a//b"));
        assert_eq!(below("/v1%2Fjob/a"), None);
        assert_eq!(below("/v1/job%2Fa"), None);
    }
}
