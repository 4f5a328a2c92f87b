//! The codec for tokio-util's `FramedRead` and `FramedWrite`.

use std::io;

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec;

use crate::decoder::{Decoder, DecoderFull};
use crate::encode::StreamFrame;
use crate::error::FrameError;
use crate::frame::FrameBuf;
use crate::limits::Limits;

/// Reads and writes frames over any `AsyncRead` and `AsyncWrite`.
///
/// A frame that lies in one read shares the memory of that read.
#[derive(Debug, Default)]
pub struct FrameCodec {
    decoder: Decoder,
}

impl FrameCodec {
    /// A codec at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits) }
    }
}

impl codec::Decoder for FrameCodec {
    type Item = FrameBuf;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<FrameBuf>, CodecError> {
        // More comes only after the last frame was taken, so there is always room.
        if !source.is_empty() {
            self.decoder.feed(source.split().freeze())?;
        }
        Ok(self.decoder.next_frame()?.map(|frame| frame.to_buf()))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<FrameBuf>, CodecError> {
        let frame = self.decode(source)?;
        if frame.is_none() {
            self.decoder.finish()?;
        }
        Ok(frame)
    }
}

impl codec::Encoder<StreamFrame<'_>> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: StreamFrame<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        frame.encode(out);
        Ok(())
    }
}

/// Why a framed connection gives no further frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stream ended otherwise than on a frame boundary.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Bytes were added while frames were waiting, which `FramedRead` does not do.
    #[error(transparent)]
    DecoderFull(#[from] DecoderFull),
}
