//! Framed, or plain bytes.

use bytes::{Bytes, BytesMut};
use nomad_frames::StreamFrame;

/// What of a stream's frames is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Framing {
    /// The frames.
    Framed,
    /// Their data.
    Plain,
}

impl Framing {
    /// As the parameter `plain` says.
    pub(super) const fn from_plain_param(plain: bool) -> Self {
        if plain { Self::Plain } else { Self::Framed }
    }

    /// One frame as it is sent.
    pub(super) fn encode(self, frame: StreamFrame<'_>) -> Bytes {
        match self {
            Self::Plain => Bytes::copy_from_slice(frame.data),
            Self::Framed => {
                let mut out = BytesMut::new();
                frame.encode(&mut out);
                out.freeze()
            }
        }
    }
}
