//! Bytes in, frames out.

use bytes::Bytes;
use thiserror::Error;

use crate::error::FrameError;
use crate::fields::{Fields, WrongType};
use crate::frame::Frame;
use crate::layout_predictor::{LayoutPredictor, Prediction};
use crate::limits::Limits;
use crate::scanner::{DATA_PREFIX, ScanError, Scanner, Validation};
use crate::splitter::{ObjectRange, Splitter};

/// Reads the frames of a file, log or monitor stream out of the chunks of its body.
///
/// ```
/// use nomad_frames::Decoder;
///
/// let mut decoder = Decoder::default();
/// let mut log = Vec::new();
/// for chunk in [&br#"{"Data":"aGVsbG8s","File":"a.log","Off"#[..], br#"set":6}{}"#] {
///     decoder.feed(chunk.into())?;
///     while let Some(frame) = decoder.next_frame()? {
///         frame.data().decode_into(&mut log)?;
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(log, b"hello,");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A frame that lies in one chunk is lent from that chunk. One that straddles chunks is copied
/// once, into a buffer that is used again for the next. The state between two calls is that
/// buffer, at most [`Limits::max_frame`] long, and what was fed and not read.
#[derive(Debug)]
pub struct Decoder {
    splitter: Splitter,
    layout: LayoutPredictor,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            splitter: Splitter::new(limits, Validation::SkipData),
            layout: LayoutPredictor::default(),
        }
    }

    /// Takes the next chunk of the body, whole and as it is.
    ///
    /// # Errors
    /// Gives the chunk back if with it more than [`Limits::max_buffered`] bytes would wait to be
    /// read: call [`next_frame`](Self::next_frame) until it has no more. A decoder that was read
    /// to the end takes a chunk of any size.
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), DecoderFull> {
        self.splitter.feed(chunk).map_err(DecoderFull::new)
    }

    /// The next frame, or `None` if the next one is not complete yet.
    ///
    /// # Errors
    /// What ends the stream, once all frames before it are out; the same again at later calls.
    /// An error text is only known to be complete at its end, so [`finish`](Self::finish)
    /// reports it.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let guess = match self.splitter.window() {
            Some(window) => self.layout.predict(window),
            None => Prediction::Miss,
        };
        let found = match guess {
            Prediction::Frame(len, fields) => Some((self.splitter.take_object(len), fields)),
            Prediction::InsideData => {
                self.splitter.start_inside_data();
                self.scan_frame()?
            }
            Prediction::Miss => match self.continue_frame() {
                None => self.scan_frame()?,
                resumed => resumed,
            },
        };
        let Some((found, fields)) = found else { return Ok(None) };
        let source = self.splitter.buffer(found);
        let raw = &source[found.start..found.start + found.len];
        Ok(Some(Frame::new(source, raw, fields, found.position)))
    }

    /// Says that the stream has ended, and asks whether it may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame, [`FrameError::SenderError`] after an error text,
    /// [`FrameError::Unread`] if frames were left, and whatever ended the stream before.
    pub fn finish(&self) -> Result<(), FrameError> {
        self.splitter.finish()
    }

    /// How many bytes were read, counted from the start of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.splitter.position()
    }

    /// How many bytes were copied so far, to join frames that straddle chunks.
    #[must_use]
    pub const fn copied_bytes(&self) -> u64 {
        self.splitter.copied_bytes()
    }

    /// How many bytes wait in the decoder: fed and not read, or part of an unfinished frame.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.splitter.buffered_len()
    }

    /// Goes on with a frame in Nomad's layout that was cut inside its data, as large ones are.
    fn continue_frame(&mut self) -> Option<(ObjectRange, Fields)> {
        let (rest, quote) = self.splitter.continue_data()?;
        let (len, fields) = self.layout.predict_tail(rest, quote)?;
        Some((self.splitter.take_carried(len), fields))
    }

    /// The slow way: any layout, any cut.
    fn scan_frame(&mut self) -> Result<Option<(ObjectRange, Fields)>, FrameError> {
        let Some(found) = self.splitter.next_object()? else { return Ok(None) };
        let raw = &self.splitter.buffer(found)[found.start..found.start + found.len];
        match Fields::parse(raw, found.longest_string) {
            Ok(fields) if fields.data.start() != DATA_PREFIX.len() => {
                let judged = check_skipped_data(raw);
                self.splitter.fail_if_invalid(found, judged)?;
                Ok(Some((found, fields)))
            }
            Ok(fields) => Ok(Some((found, fields))),
            Err(WrongType { at, key, expected }) => {
                let judged = check_skipped_data(raw);
                self.splitter.fail_if_invalid(found, judged)?;
                let at = found.position + at as u64;
                self.splitter.fail(FrameError::Type { at, key, expected })
            }
        }
    }
}

/// Judges a `Data` that was not looked into and that nobody will open, since another `Data`
/// came after it or the frame is refused.
fn check_skipped_data(raw: &[u8]) -> Result<(), ScanError> {
    if raw.starts_with(DATA_PREFIX) {
        Scanner::new(Validation::Strict, u8::MAX).scan(raw)?;
    }
    Ok(())
}

/// A decoder was fed more than it may hold, without being read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("decoder is full: read its frames before feeding it {} bytes more", chunk.len())]
pub struct DecoderFull {
    chunk: Bytes,
}

impl DecoderFull {
    pub(crate) const fn new(chunk: Bytes) -> Self {
        Self { chunk }
    }

    /// The chunk that was not taken.
    #[must_use]
    pub fn into_chunk(self) -> Bytes {
        self.chunk
    }
}
