//! Bytes in, whole JSON objects out: the part of the decoder that knows nothing of frames.

use bytes::Bytes;

use crate::decoder::Overfull;
use crate::error::FrameError;
use crate::limits::Limits;
use crate::scan::Look;
use crate::split::Splitter;

/// Cuts a stream of JSON objects, with blanks between them or without, into the objects.
///
/// It has the contract, the limits and the errors of a [`Decoder`](crate::Decoder), and looks at
/// every byte. The event stream is read with it, one [`EventBatch`](crate::EventBatch) a line.
///
/// ```
/// use nomad_frames::{Limits, Objects};
///
/// let mut objects = Objects::new(Limits::events());
/// objects.feed("{}\n{\"Index\":7,\"Events\":[]}\n".into())?;
/// assert_eq!(objects.next_object()?.map(|o| o.len()), Some(2));
/// assert_eq!(objects.next_object()?.map(|o| o.len()), Some(23));
/// assert_eq!(objects.next_object()?, None);
/// objects.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Objects {
    split: Splitter,
}

impl Objects {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { split: Splitter::new(limits, Look::Strict) }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// Gives it back if too many bytes would wait; see [`Decoder::feed`](crate::Decoder::feed).
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), Overfull> {
        self.split.feed(chunk).map_err(Overfull::new)
    }

    /// The next object, from its first brace to its last, as a share of the bytes received;
    /// `None` if it is not complete yet. A `null` where an object could stand counts as one.
    ///
    /// # Errors
    /// What ends the stream, once all objects before it are out.
    pub fn next_object(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(found) = self.split.next()? else { return Ok(None) };
        let object = self.split.source(found).slice(found.start..found.start + found.len);
        Ok(Some(object))
    }

    /// Says that the stream has ended, and asks whether it may end here.
    ///
    /// # Errors
    /// As [`Decoder::finish`](crate::Decoder::finish).
    pub fn finish(&self) -> Result<(), FrameError> {
        self.split.finish()
    }

    /// How many bytes were read, counted from the start of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.split.position()
    }
}
