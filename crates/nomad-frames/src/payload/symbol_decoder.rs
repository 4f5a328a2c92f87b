//! Base64 one symbol at a time: slow, exact about where an error lies, and able to stop anywhere.

use std::ops::Range;

use super::PayloadError;
use crate::text::parse_hex4;

/// The state between two symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct SymbolDecoder {
    /// The bits of the group in progress.
    bits: u32,
    /// How many symbols of the group in progress were seen, padding not counted.
    symbol_count: u8,
    /// Whether the group in progress has one of its two padding characters.
    has_one_padding: bool,
    /// Whether the padding is complete, so that nothing may follow.
    is_padded: bool,
}

/// What one symbol gives.
enum DecodedGroup {
    Incomplete,
    Complete([u8; 3], usize),
}

impl SymbolDecoder {
    /// The state before the first symbol.
    pub(super) const NEW: Self =
        Self { bits: 0, symbol_count: 0, has_one_padding: false, is_padded: false };

    /// Whether the next symbol begins a group of four.
    pub(super) const fn is_aligned(&self) -> bool {
        self.symbol_count == 0 && !self.is_padded
    }

    /// Decodes the symbols of `raw` that begin within `range` and hands on what comes out.
    /// Returns where the first symbol after them begins.
    pub(super) fn decode(
        &mut self,
        raw: &[u8],
        range: Range<usize>,
        mut out: impl FnMut(&[u8]),
    ) -> Result<usize, PayloadError> {
        let mut at = range.start;
        while at < range.end.min(raw.len()) {
            let (symbol, len) = match raw[at] {
                0..b' ' => return Err(PayloadError::Control { at }),
                b'\\' => unescape(&raw[at..], at)?,
                byte => (u32::from(byte), 1),
            };
            if let DecodedGroup::Complete(bytes, count) = self.decode_symbol(symbol, at)? {
                out(&bytes[..count]);
            }
            at += len;
        }
        Ok(at)
    }

    /// Asks whether the payload, `len` bytes long, may end here.
    pub(super) const fn finish(&self, len: usize) -> Result<(), PayloadError> {
        if self.symbol_count == 0 || self.is_padded {
            Ok(())
        } else {
            Err(PayloadError::Incomplete { at: len })
        }
    }

    /// How many bytes `raw` decodes to, as far as it is valid.
    pub(super) fn decoded_len(mut self, raw: &[u8]) -> usize {
        let mut count = 0;
        let _valid_or_not = self.decode(raw, 0..raw.len(), |bytes| count += bytes.len());
        count
    }

    fn decode_symbol(&mut self, symbol: u32, at: usize) -> Result<DecodedGroup, PayloadError> {
        // Go skips both wherever they stand, even within the padding.
        if symbol == u32::from(b'\n') || symbol == u32::from(b'\r') {
            return Ok(DecodedGroup::Incomplete);
        }
        if self.is_padded {
            return Err(PayloadError::Padding { at });
        }
        if symbol == u32::from(b'=') {
            return self.decode_padding(at);
        }
        let value = symbol_value(symbol).ok_or(PayloadError::Symbol { at })?;
        if self.has_one_padding {
            return Err(PayloadError::Padding { at });
        }
        self.bits = self.bits << 6 | value;
        self.symbol_count += 1;
        if self.symbol_count < 4 {
            return Ok(DecodedGroup::Incomplete);
        }
        let [_, a, b, c] = self.bits.to_be_bytes();
        *self = Self::NEW;
        Ok(DecodedGroup::Complete([a, b, c], 3))
    }

    fn decode_padding(&mut self, at: usize) -> Result<DecodedGroup, PayloadError> {
        match self.symbol_count {
            2 if !self.has_one_padding => {
                self.has_one_padding = true;
                return Ok(DecodedGroup::Incomplete);
            }
            2 | 3 => {}
            _ => return Err(PayloadError::Padding { at }),
        }
        self.is_padded = true;
        let [_, a, b, _] = (self.bits << (6 * (4 - self.symbol_count))).to_be_bytes();
        Ok(DecodedGroup::Complete([a, b, 0], usize::from(self.symbol_count) - 1))
    }
}

/// The six bits that a symbol of the standard alphabet stands for.
fn symbol_value(symbol: u32) -> Option<u32> {
    match u8::try_from(symbol).ok()? {
        b @ b'A'..=b'Z' => Some(u32::from(b - b'A')),
        b @ b'a'..=b'z' => Some(u32::from(b - b'a') + 26),
        b @ b'0'..=b'9' => Some(u32::from(b - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The character that the JSON escape at the start of `raw` stands for, and its length.
fn unescape(raw: &[u8], at: usize) -> Result<(u32, usize), PayloadError> {
    let byte = match raw.get(1) {
        Some(b'u') => {
            return parse_hex4(raw).map(|code| (code, 6)).ok_or(PayloadError::Escape { at });
        }
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b @ (b'/' | b'"' | b'\\')) => *b,
        // No symbol either way: a control character is as wrong as its escape's letter is right.
        Some(b'b' | b'f' | b't') => b'\t',
        _ => return Err(PayloadError::Escape { at }),
    };
    Ok((u32::from(byte), 2))
}
