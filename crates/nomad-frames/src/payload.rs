//! The bytes of a frame, still in base64 until somebody wants them.

mod reader;
mod symbol_decoder;

use std::fmt;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

pub use reader::PayloadReader;

use crate::base64;
use symbol_decoder::SymbolDecoder;

/// `Data` as it was received: what stands between its quotes.
///
/// What is accepted is what the Go client accepts: the standard alphabet, complete padding,
/// nothing after it; carriage return and line feed (written as escapes, since JSON forbids them
/// raw) between any two symbols; unused low bits of the last symbol of any value. Escapes such as
/// `\/` or `\u002b` stand for their symbol.
///
/// All methods agree on which payloads are valid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    raw: &'a [u8],
}

impl<'a> Payload<'a> {
    #[inline]
    pub(crate) const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The base64 as received, JSON escapes and all.
    #[must_use]
    pub const fn as_base64(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether there is nothing to decode.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// How many bytes a valid payload decodes to, without decoding it. For an invalid one the
    /// number means nothing.
    #[must_use]
    pub fn decoded_len(&self) -> usize {
        if memchr::memchr(b'\\', self.raw).is_some() {
            return SymbolDecoder::NEW.decoded_len(self.raw);
        }
        base64::decoded_len(self.raw)
    }

    /// Decodes to the end of `out` and returns how many bytes that were. Clearing `out` between
    /// frames and not dropping it makes it a buffer that is allocated once.
    ///
    /// # Errors
    /// The first byte that does not belong there; `out` is then as it was.
    pub fn decode_into(&self, out: &mut impl PayloadBuffer) -> Result<usize, PayloadError> {
        let start = out.len();
        // Without escapes this is no less than what comes out, and with them far more.
        out.resize(start + self.raw.len().div_ceil(4) * 3);
        let decoded = self.decode_slice(&mut out.bytes()[start..]);
        out.truncate(start + *decoded.as_ref().unwrap_or(&0));
        decoded
    }

    /// Decodes to the start of `out` and returns how many bytes that were.
    ///
    /// # Errors
    /// [`PayloadError::BufferTooSmall`] if `out` is too short, else the first byte that does not belong
    /// there. What `out` then holds is of no meaning.
    #[inline]
    pub fn decode_slice(&self, out: &mut [u8]) -> Result<usize, PayloadError> {
        match base64::decode(self.raw, out) {
            Some(len) => Ok(len),
            None => self.decode_slow(out),
        }
    }

    /// A reader that decodes a piece at a time, in memory that does not grow with the payload.
    #[must_use]
    pub const fn reader(&self) -> PayloadReader<'a> {
        PayloadReader::new(self.raw)
    }

    /// For escapes, for line breaks, for a short `out`, and to find out where an error lies.
    #[cold]
    fn decode_slow(&self, out: &mut [u8]) -> Result<usize, PayloadError> {
        let mut reader = self.reader();
        let mut len = 0;
        while let Some(piece) = reader.next_piece()? {
            let end = len + piece.len();
            let needed = || PayloadError::BufferTooSmall { needed: self.decoded_len() };
            out.get_mut(len..end).ok_or_else(needed)?.copy_from_slice(piece);
            len = end;
        }
        Ok(len)
    }
}

/// Prints the length, not the content.
impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("base64_len", &self.raw.len()).finish_non_exhaustive()
    }
}

/// Why a payload cannot be decoded. Positions count from the first byte after the opening quote
/// of `Data`, in the bytes as received.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// A byte, or the character an escape stands for, is not in the base64 alphabet.
    #[error("not a base64 symbol at byte {at} of the data")]
    Symbol {
        /// The first byte of the symbol.
        at: usize,
    },
    /// Padding where there should be a symbol, or a symbol after padding.
    #[error("wrong base64 padding at byte {at} of the data")]
    Padding {
        /// The byte that cannot stand there.
        at: usize,
    },
    /// The last group of four symbols is not complete.
    #[error("base64 ends inside a group at byte {at} of the data")]
    Incomplete {
        /// The length of the data.
        at: usize,
    },
    /// An escape that JSON does not have.
    #[error("not a JSON escape at byte {at} of the data")]
    Escape {
        /// The backslash.
        at: usize,
    },
    /// A control character that JSON forbids in a string; a raw line break is one.
    #[error("control character at byte {at} of the data")]
    Control {
        /// The character.
        at: usize,
    },
    /// The caller's slice is too short.
    #[error("data decodes to {needed} bytes, more than there is room for")]
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
}

impl PayloadError {
    /// The position of the error in the payload as received, if the payload is to blame.
    #[must_use]
    pub const fn position(&self) -> Option<usize> {
        match *self {
            Self::Symbol { at }
            | Self::Padding { at }
            | Self::Incomplete { at }
            | Self::Escape { at }
            | Self::Control { at } => Some(at),
            Self::BufferTooSmall { .. } => None,
        }
    }
}

/// A buffer that a payload can be appended to: `Vec<u8>` or `BytesMut`.
pub trait PayloadBuffer: sealed::Sealed {}

impl PayloadBuffer for Vec<u8> {}
impl PayloadBuffer for BytesMut {}

mod sealed {
    //! What the two buffers have in common and `BufMut` does not say: initialised room.

    use super::{BufMut as _, BytesMut};

    pub trait Sealed {
        fn len(&self) -> usize;
        fn resize(&mut self, len: usize);
        fn truncate(&mut self, len: usize);
        fn bytes(&mut self) -> &mut [u8];
    }

    impl Sealed for Vec<u8> {
        fn len(&self) -> usize {
            self.len()
        }
        fn resize(&mut self, len: usize) {
            self.resize(len, 0);
        }
        fn truncate(&mut self, len: usize) {
            self.truncate(len);
        }
        fn bytes(&mut self) -> &mut [u8] {
            self
        }
    }

    impl Sealed for BytesMut {
        fn len(&self) -> usize {
            self.len()
        }
        fn resize(&mut self, len: usize) {
            self.put_bytes(0, len - self.len());
        }
        fn truncate(&mut self, len: usize) {
            self.truncate(len);
        }
        fn bytes(&mut self) -> &mut [u8] {
            self
        }
    }
}

#[cfg(test)]
mod tests;
