//! Bytes in, whole JSON objects out: the part of the decoder that knows nothing of frames.

use bytes::Bytes;

use crate::decoder::DecoderFull;
use crate::error::FrameError;
use crate::limits::Limits;
use crate::scanner::Validation;
use crate::splitter::Splitter;

/// Cuts a stream of JSON objects, with blanks between them or without, into the objects.
///
/// It has the contract, the limits and the errors of a [`Decoder`](crate::Decoder), and looks at
/// every byte. The event stream is read with it, one [`EventBatch`](crate::EventBatch) a line.
///
/// ```
/// use nomad_frames::{Limits, ObjectDecoder};
///
/// let mut objects = ObjectDecoder::new(Limits::events());
/// objects.feed("{}\n{\"Index\":7,\"Events\":[]}\n".into())?;
/// assert_eq!(objects.next_object()?.map(|o| o.len()), Some(2));
/// assert_eq!(objects.next_object()?.map(|o| o.len()), Some(23));
/// assert_eq!(objects.next_object()?, None);
/// objects.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ObjectDecoder {
    splitter: Splitter,
}

impl ObjectDecoder {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { splitter: Splitter::new(limits, Validation::Strict) }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// Gives it back if too many bytes would wait; see [`Decoder::feed`](crate::Decoder::feed).
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), DecoderFull> {
        self.splitter.feed(chunk).map_err(DecoderFull::new)
    }

    /// The next object, from its first brace to its last, as a share of the bytes received;
    /// `None` if it is not complete yet. A `null` where an object could stand counts as one.
    ///
    /// # Errors
    /// What ends the stream, once all objects before it are out.
    pub fn next_object(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(found) = self.splitter.next_object()? else { return Ok(None) };
        let object = self.splitter.buffer(found).slice(found.start..found.start + found.len);
        Ok(Some(object))
    }

    /// Says that the stream has ended, and asks whether it may end here.
    ///
    /// # Errors
    /// As [`Decoder::finish`](crate::Decoder::finish).
    pub fn finish(&self) -> Result<(), FrameError> {
        self.splitter.finish()
    }

    /// How many bytes were read, counted from the start of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.splitter.position()
    }
}
