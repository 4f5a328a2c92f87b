//! Decoding a piece at a time.

use std::io;

use super::PayloadError;
use crate::base64;
use crate::payload::symbol_decoder::SymbolDecoder;

/// How many base64 bytes make a piece. A multiple of 4, and small enough to stay in the first
/// level of the cache with what it decodes to.
const PIECE_LEN: usize = 4_096;

/// The same for the slow way, which may run over by one escape.
const SLOW_PIECE_LEN: usize = PIECE_LEN - 8;

/// Decodes a payload a piece at a time, into 3 KiB of its own.
///
/// ```
/// use nomad_frames::Decoder;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(r#"{"Data":"aGVsbG8="}"#.into())?;
/// let frame = decoder.next_frame()?.expect("one frame was fed");
/// let mut reader = frame.data().reader();
/// while let Some(piece) = reader.next_piece()? {
///     assert_eq!(piece, b"hello");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PayloadReader<'a> {
    raw: &'a [u8],
    /// The next byte of `raw`.
    at: usize,
    symbols: SymbolDecoder,
    piece: [u8; PIECE_LEN / 4 * 3],
    /// What of `piece` was decoded, and how much of that [`io::Read`] has handed out.
    filled: usize,
    read: usize,
}

impl<'a> PayloadReader<'a> {
    pub(super) const fn new(raw: &'a [u8]) -> Self {
        Self {
            raw,
            at: 0,
            symbols: SymbolDecoder::NEW,
            piece: [0; PIECE_LEN / 4 * 3],
            filled: 0,
            read: 0,
        }
    }

    /// The next decoded bytes, never none; `None` at the end.
    ///
    /// # Errors
    /// The first byte that does not belong there, after the pieces before it.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, PayloadError> {
        self.fill()?;
        self.read = self.filled;
        Ok(Some(&self.piece[..self.filled]).filter(|piece| !piece.is_empty()))
    }

    /// Decodes the next piece; an empty one at the end.
    fn fill(&mut self) -> Result<(), PayloadError> {
        (self.filled, self.read) = (0, 0);
        while self.filled == 0 && self.at < self.raw.len() {
            let rest = &self.raw[self.at..];
            let whole = rest.len().min(PIECE_LEN) & !3;
            if whole > 0 && self.symbols.is_aligned() && self.fill_fast(whole) {
                return Ok(());
            }
            self.fill_slow()?;
        }
        if self.at == self.raw.len() { self.symbols.finish(self.raw.len()) } else { Ok(()) }
    }

    /// Decodes `len` bytes at once, if they are plain and without padding, or are the last.
    fn fill_fast(&mut self, len: usize) -> bool {
        let last = self.at + len == self.raw.len();
        match base64::decode(&self.raw[self.at..self.at + len], &mut self.piece) {
            Some(filled) if last || filled == len / 4 * 3 => {
                self.filled = filled;
                self.at += len;
                true
            }
            _ => false,
        }
    }

    fn fill_slow(&mut self) -> Result<(), PayloadError> {
        let (piece, filled) = (&mut self.piece, &mut self.filled);
        self.at = self.symbols.decode(self.raw, self.at..self.at + SLOW_PIECE_LEN, |bytes| {
            piece[*filled..*filled + bytes.len()].copy_from_slice(bytes);
            *filled += bytes.len();
        })?;
        Ok(())
    }
}

/// What is wrong with the payload becomes [`io::ErrorKind::InvalidData`].
impl io::Read for PayloadReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.filled {
            self.fill().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        let len = out.len().min(self.filled - self.read);
        out[..len].copy_from_slice(&self.piece[self.read..self.read + len]);
        self.read += len;
        Ok(len)
    }
}
