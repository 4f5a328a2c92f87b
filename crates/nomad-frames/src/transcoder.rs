//! The same stream as other programs want to read it.

use bytes::{BufMut as _, Bytes, BytesMut};
use memchr::memchr2;
use thiserror::Error;

use crate::decoder::{Decoder, DecoderFull};
use crate::encode::{MAX_DECIMAL_LEN, write_decimal, write_tail};
use crate::error::FrameError;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::payload::PayloadError;
use crate::scanner::DATA_PREFIX;
use crate::tracker::{Position, Tracker};

/// What a stream of frames is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFormat {
    /// The bytes of the files and nothing else, as Nomad's own `plain=true`.
    Plain,
    /// One frame a line. Heartbeats stay, as `{}`.
    Ndjson,
    /// Server-sent events. A frame is one event whose data is its JSON; what happened to a file
    /// is an event of that name; the id is the real position, `<end> <file>`, from which the
    /// file can be read on. A heartbeat is a comment.
    ServerSentEvents,
}

impl OutputFormat {
    /// Appends the view of one frame. `position` is where its data is from, if that is known.
    ///
    /// # Errors
    /// [`PayloadError`] if the frame has to be decoded and cannot be; `out` is then as it was.
    pub fn write(
        self,
        frame: &Frame<'_>,
        position: Option<Position<'_>>,
        out: &mut BytesMut,
    ) -> Result<(), PayloadError> {
        match self {
            Self::Plain => return frame.data().decode_into(out).map(|_| ()),
            Self::Ndjson => {
                write_json_line(frame, out);
                out.put_u8(b'\n');
            }
            Self::ServerSentEvents => write_sse_event(frame, position, out),
        }
        Ok(())
    }
}

fn write_sse_event(frame: &Frame<'_>, position: Option<Position<'_>>, out: &mut BytesMut) {
    if frame.is_heartbeat() {
        out.put_slice(b":\n\n");
        return;
    }
    if let Some(position) = position {
        let file = position.file();
        if !file.contains(char::is_control) {
            out.put_slice(b"id: ");
            let mut digits = [0; MAX_DECIMAL_LEN];
            let len = write_decimal(i64::try_from(position.end).unwrap_or(i64::MAX), &mut digits);
            out.put_slice(&digits[..len]);
            out.put_u8(b' ');
            out.put_slice(file.as_bytes());
            out.put_u8(b'\n');
        }
    }
    let event = frame.event();
    if frame.data().is_empty() && !event.is_empty() && !event.contains(char::is_control) {
        out.put_slice(b"event: ");
        out.put_slice(event.as_bytes());
        out.put_u8(b'\n');
    }
    out.put_slice(b"data: ");
    write_json_line(frame, out);
    out.put_slice(b"\n\n");
}

/// The frame on one line: as received, or written anew if somebody broke its line.
fn write_json_line(frame: &Frame<'_>, out: &mut BytesMut) {
    let raw = frame.as_bytes();
    if raw.first() == Some(&b'{') && memchr2(b'\n', b'\r', raw).is_none() {
        out.put_slice(raw);
        return;
    }
    let mut before = b'{';
    if !frame.data().is_empty() {
        out.put_slice(DATA_PREFIX);
        // Raw line breaks make a payload invalid; the escape of a tab keeps it so on one line.
        for byte in frame.data().as_base64() {
            match byte {
                b'\n' | b'\r' => out.put_slice(br"\t"),
                _ => out.put_u8(*byte),
            }
        }
        out.put_u8(b'"');
        before = b',';
    }
    write_tail(out, before, &frame.file(), &frame.event(), frame.offset());
}

/// Turns the chunks of a framed body into the chunks of another.
///
/// ```
/// use bytes::BytesMut;
/// use nomad_frames::{Limits, Transcoder, OutputFormat};
///
/// let mut transcoder = Transcoder::new(OutputFormat::Plain, Limits::default());
/// let mut out = BytesMut::new();
/// transcoder.feed(r#"{"Data":"aGVsbG8K","File":"a.log","Offset":6}{}"#.into(), &mut out)?;
/// transcoder.finish()?;
/// assert_eq!(out, "hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transcoder {
    format: OutputFormat,
    decoder: Decoder,
    tracker: Tracker,
}

impl Transcoder {
    /// A transcoder at the start of a stream that begins anywhere in its first file.
    #[must_use]
    pub fn new(view: OutputFormat, limits: Limits) -> Self {
        Self {
            format: view,
            decoder: Decoder::new(limits),
            tracker: Tracker::from_unknown_position(),
        }
    }

    /// Says where the stream begins, so that the positions in it are certain.
    #[must_use]
    pub fn with_tracker(mut self, tracker: Tracker) -> Self {
        self.tracker = tracker;
        self
    }

    /// Takes a chunk and appends all that it completes.
    ///
    /// # Errors
    /// What ends the stream; all before it has been appended.
    pub fn feed(&mut self, chunk: Bytes, out: &mut BytesMut) -> Result<(), TranscodeError> {
        self.decoder.feed(chunk)?;
        while let Some(frame) = self.decoder.next_frame()? {
            let position = self.tracker.advance(&frame);
            let known = (frame.position(), !frame.file_bytes().is_empty());
            self.format
                .write(&frame, known.1.then_some(position), out)
                .map_err(|source| TranscodeError::Payload { at: known.0, source })?;
        }
        Ok(())
    }

    /// Says that the stream has ended, and asks whether it may end here.
    ///
    /// # Errors
    /// As [`Decoder::finish`]; an error text of the sender is in it.
    pub fn finish(&self) -> Result<(), FrameError> {
        self.decoder.finish()
    }
}

/// Why a stream cannot be turned into another.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranscodeError {
    /// No further frame comes.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame came whose data is not base64.
    #[error("frame at byte {at} cannot be decoded")]
    Payload {
        /// The first byte of the frame.
        at: u64,
        /// What is wrong with its data.
        source: PayloadError,
    },
    /// More was fed than may wait. Cannot happen as long as each error ends the feeding.
    #[error(transparent)]
    DecoderFull(#[from] DecoderFull),
}
