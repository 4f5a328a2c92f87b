//! Bytes → a header. It knows no socket: it takes what belongs to the header and leaves the rest.

use std::net::SocketAddr;

use super::{v1, v2};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server::listener) enum Source {
    /// The proxy itself, as when it looks whether the gateway lives (`LOCAL`).
    Proxy,
    /// Somebody whom the proxy cannot name (`UNKNOWN`, `UNSPEC`, and protocols that are not TCP).
    Unnamed,
    /// This client.
    Client(SocketAddr),
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::server::listener) enum HeaderError {
    #[error("no PROXY header")]
    Missing,
    #[error("a PROXY header of version 1 that does not end")]
    TooLong,
    #[error("a PROXY header of version 1 that cannot be read")]
    Text,
    #[error("a PROXY header of another version than 1 and 2")]
    Version,
    #[error("a PROXY header with a command, family or protocol that does not exist")]
    Unassigned,
    #[error("a PROXY header of version 2 that is shorter than its addresses")]
    Short,
    #[error("a PROXY header of version 2 of more than {} bytes", v2::MAX_LENGTH)]
    Large,
}

/// Takes a header byte by byte, and keeps no more of it than its addresses.
#[derive(Debug)]
pub(super) struct Decoder {
    kept: [u8; v1::MAX],
    seen: usize,
    /// The end of a header of version 2, as soon as it is known.
    end: Option<usize>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { kept: [0; v1::MAX], seen: 0, end: None }
    }
}

impl Decoder {
    /// How many of these bytes belong to the header, and whose it is when it is whole. To be called no more after that.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(usize, Option<Source>), HeaderError> {
        for (before, byte) in bytes.iter().enumerate() {
            if let Some(source) = self.byte(*byte)? {
                return Ok((before + 1, Some(source)));
            }
        }
        Ok((bytes.len(), None))
    }

    fn byte(&mut self, byte: u8) -> Result<Option<Source>, HeaderError> {
        if let Some(kept) = self.kept.get_mut(self.seen) {
            *kept = byte;
        }
        self.seen += 1;
        let kept = &self.kept[..self.seen.min(v1::MAX)];
        if kept[0] == v1::SIGNATURE[0] {
            return text(kept, byte);
        }
        if self.seen <= v2::SIGNATURE.len() && !v2::SIGNATURE.starts_with(kept) {
            return Err(HeaderError::Missing);
        }
        if self.seen == v2::FIXED {
            self.end = Some(v2::end(kept)?);
        }
        if self.end == Some(self.seen) { v2::source(kept).map(Some) } else { Ok(None) }
    }
}

/// The beginning of a header of version 1, up to this byte.
fn text(kept: &[u8], last: u8) -> Result<Option<Source>, HeaderError> {
    if kept.len() <= v1::SIGNATURE.len() && !v1::SIGNATURE.starts_with(kept) {
        return Err(HeaderError::Missing);
    }
    if last == b'\n' {
        return v1::source(kept).map(Some);
    }
    if kept.len() == v1::MAX { Err(HeaderError::TooLong) } else { Ok(None) }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
