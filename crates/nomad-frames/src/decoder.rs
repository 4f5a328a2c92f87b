//! Bytes in, frames out.

use bytes::Bytes;
use thiserror::Error;

use crate::error::FrameError;
use crate::fields::{Fields, WrongType};
use crate::frame::Frame;
use crate::layout::{Guess, Layout};
use crate::limits::Limits;
use crate::scan::{DATA_PREFIX, Fault, Look, Scan};
use crate::split::{Found, Splitter};

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
    split: Splitter,
    layout: Layout,
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
        Self { split: Splitter::new(limits, Look::Lazy), layout: Layout::default() }
    }

    /// Takes the next chunk of the body, whole and as it is.
    ///
    /// # Errors
    /// Gives the chunk back if with it more than [`Limits::max_buffered`] bytes would wait to be
    /// read: call [`next_frame`](Self::next_frame) until it has no more. A decoder that was read
    /// to the end takes a chunk of any size.
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), Overfull> {
        self.split.feed(chunk).map_err(Overfull::new)
    }

    /// The next frame, or `None` if the next one is not complete yet.
    ///
    /// # Errors
    /// What ends the stream, once all frames before it are out; the same again at later calls.
    /// An error text is only known to be complete at its end, so [`finish`](Self::finish)
    /// reports it.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let guess = match self.split.window() {
            Some(window) => self.layout.guess(window),
            None => Guess::Other,
        };
        let found = match guess {
            Guess::Frame(len, fields) => Some((self.split.take(len), fields)),
            Guess::InsideData => {
                self.split.begin_inside_data();
                self.scan()?
            }
            Guess::Other => match self.resume() {
                None => self.scan()?,
                resumed => resumed,
            },
        };
        let Some((found, fields)) = found else { return Ok(None) };
        let source = self.split.source(found);
        let raw = &source[found.start..found.start + found.len];
        Ok(Some(Frame::new(source, raw, fields, found.at)))
    }

    /// Says that the stream has ended, and asks whether it may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame, [`FrameError::Reported`] after an error text,
    /// [`FrameError::Unread`] if frames were left, and whatever ended the stream before.
    pub fn finish(&self) -> Result<(), FrameError> {
        self.split.finish()
    }

    /// How many bytes were read, counted from the start of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.split.position()
    }

    /// How many bytes were copied so far, to join frames that straddle chunks.
    #[must_use]
    pub const fn copied(&self) -> u64 {
        self.split.copied()
    }

    /// How many bytes wait in the decoder: fed and not read, or part of an unfinished frame.
    #[must_use]
    pub fn held(&self) -> usize {
        self.split.held()
    }

    /// Goes on with a frame in Nomad's layout that was cut inside its data, as large ones are.
    fn resume(&mut self) -> Option<(Found, Fields)> {
        let (rest, quote) = self.split.resume_data()?;
        let (len, fields) = self.layout.rest(rest, quote)?;
        Some((self.split.take_joined(len), fields))
    }

    /// The slow way: any layout, any cut.
    fn scan(&mut self) -> Result<Option<(Found, Fields)>, FrameError> {
        let Some(found) = self.split.next()? else { return Ok(None) };
        let raw = &self.split.source(found)[found.start..found.start + found.len];
        match Fields::of(raw, found.known) {
            Ok(fields) if fields.data.start() != DATA_PREFIX.len() => {
                let judged = judge_unopened(raw);
                self.split.judge(found, judged)?;
                Ok(Some((found, fields)))
            }
            Ok(fields) => Ok(Some((found, fields))),
            Err(WrongType { at, key, expected }) => {
                let judged = judge_unopened(raw);
                self.split.judge(found, judged)?;
                let at = found.at + at as u64;
                self.split.fail(FrameError::Type { at, key, expected })
            }
        }
    }
}

/// Judges a `Data` that was not looked into and that nobody will open, since another `Data`
/// came after it or the frame is refused.
fn judge_unopened(raw: &[u8]) -> Result<(), Fault> {
    if raw.starts_with(DATA_PREFIX) {
        Scan::new(Look::Strict, u8::MAX).run(raw)?;
    }
    Ok(())
}

/// A decoder was fed more than it may hold, without being read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("decoder is full: read its frames before feeding it {} bytes more", chunk.len())]
pub struct Overfull {
    chunk: Bytes,
}

impl Overfull {
    pub(crate) const fn new(chunk: Bytes) -> Self {
        Self { chunk }
    }

    /// The chunk that was not taken.
    #[must_use]
    pub fn into_chunk(self) -> Bytes {
        self.chunk
    }
}
