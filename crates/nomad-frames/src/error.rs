//! What ends a stream other than its end.

use thiserror::Error;

/// Why no further frame can come out of a stream. Positions count bytes from its start, and do
/// not depend on how the stream was cut into chunks.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The stream ended inside a frame.
    #[error("stream ended at byte {end} inside the frame that began at byte {at}")]
    Truncated {
        /// The first byte of the unfinished frame.
        at: u64,
        /// The length of the stream.
        end: u64,
    },
    /// After the last frame came text: this is how Nomad reports an error once the status line
    /// has gone out.
    #[error("sender reported an error at byte {at}: {text}")]
    SenderError {
        /// The first byte of the text.
        at: u64,
        /// The text up to the end of the stream, as the sender wrote it.
        text: String,
    },
    /// Where a frame should begin there is neither a frame nor an error text: a control
    /// character, bytes that are not UTF-8, or more text than [`Limits`](crate::Limits) allows.
    #[error("neither a frame nor an error text at byte {at}")]
    Garbage {
        /// The byte at which a frame should have begun.
        at: u64,
    },
    /// Inside a frame something is not JSON.
    #[error("frame is not valid JSON at byte {at}: expected {expected}")]
    Syntax {
        /// The byte that cannot stand there.
        at: u64,
        /// What could have stood there.
        expected: &'static str,
    },
    /// A key has a value of the wrong kind.
    #[error("value of {key} at byte {at} is not {expected}")]
    Type {
        /// The first byte of the value.
        at: u64,
        /// The key, in Nomad's spelling.
        key: &'static str,
        /// What the value has to be.
        expected: &'static str,
    },
    /// A frame is longer than [`Limits::max_frame`](crate::Limits::max_frame).
    #[error("frame at byte {at} is longer than {limit} bytes")]
    TooLong {
        /// The first byte of the frame.
        at: u64,
        /// The limit.
        limit: usize,
    },
    /// A frame nests deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("frame nests deeper than {limit} levels at byte {at}")]
    TooDeep {
        /// The bracket that opens one level too many.
        at: u64,
        /// The limit.
        limit: u8,
    },
    /// The stream was declared finished while fed bytes had not been read. The caller's mistake,
    /// never the peer's.
    #[error("stream was finished with bytes unread from byte {at}")]
    Unread {
        /// The first byte that was not read.
        at: u64,
    },
}

impl FrameError {
    /// Where in the stream the error lies, in bytes from its start.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match *self {
            Self::Truncated { at, .. }
            | Self::SenderError { at, .. }
            | Self::Garbage { at }
            | Self::Syntax { at, .. }
            | Self::Type { at, .. }
            | Self::TooLong { at, .. }
            | Self::TooDeep { at, .. }
            | Self::Unread { at } => at,
        }
    }
}
