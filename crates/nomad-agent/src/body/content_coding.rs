//! Compressed bodies.
//!
//! The compressor is flushed with every chunk, so that a line of a log reaches its reader when it was written and
//! not when the compressor's buffer is full.

use std::{
    convert::Infallible,
    fmt,
    io::{self, Write as _},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder},
};
use http::HeaderValue;
use http_body::{Body as _, Frame};

use super::Body;

/// The content coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    Gzip,
    /// Without the zlib header that the name implies in HTTP: Nomad sends raw DEFLATE.
    Deflate,
}

/// A stream, compressed while it is read.
pub(super) struct CompressedBody {
    inner: Body,
    /// `None` once the end was written.
    encoder: Option<Encoder>,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(DeflateEncoder<Vec<u8>>),
}

impl ContentCoding {
    /// Its name in `Content-Encoding`.
    pub(crate) const fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        })
    }

    pub(super) fn compress(self, bytes: &[u8]) -> Bytes {
        let mut encoder = Encoder::new(self);
        let packed = encoder.write(bytes).and_then(|()| encoder.finish());
        packed.expect("writing to memory cannot fail").into()
    }
}

impl CompressedBody {
    pub(super) fn new(packing: ContentCoding, from: Body) -> Self {
        Self { inner: from, encoder: Some(Encoder::new(packing)) }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
        let packed = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => encoder.encode_chunk(&chunk),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            },
            None => self.encoder.take().map_or_else(|| Ok(Vec::new()), |mut last| last.finish()),
        };
        let packed = packed.expect("writing to memory cannot fail");
        Poll::Ready(Some(Ok(Frame::data(packed.into()))))
    }
}

impl Encoder {
    fn new(packing: ContentCoding) -> Self {
        let level = Compression::default();
        match packing {
            ContentCoding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), level)),
            ContentCoding::Deflate => Self::Deflate(DeflateEncoder::new(Vec::new(), level)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Deflate(encoder) => encoder.write_all(bytes),
        }
    }

    /// One chunk that can be decompressed without the next.
    fn encode_chunk(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.write(bytes)?;
        match self {
            Self::Gzip(encoder) => encoder.flush()?,
            Self::Deflate(encoder) => encoder.flush()?,
        }
        Ok(std::mem::take(match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
        }))
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => {
                encoder.try_finish()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Deflate(encoder) => {
                encoder.try_finish()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }
}

impl fmt::Debug for CompressedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("from", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::write::DeflateDecoder;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::{body::OpenStreams, error::AgentError};

    #[tokio::test]
    async fn every_chunk_can_be_unpacked_when_it_arrives() {
        let open = OpenStreams::default();
        let body = Body::stream(&open, |chunks| async move {
            for text in ["one\n", "two\n"] {
                chunks.send(Bytes::from(text)).await;
            }
            Err(AgentError::internal("gone"))
        });
        let mut body = body.await.unwrap().compress(ContentCoding::Deflate);
        assert!(body.is_stream());
        let mut decoder = DeflateDecoder::new(Vec::new());
        for expected in ["one\n", "one\ntwo\n", "one\ntwo\ngone"] {
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            decoder.write_all(&chunk).unwrap();
            decoder.flush().unwrap();
            assert_eq!(String::from_utf8_lossy(decoder.get_ref()), expected);
        }
        assert!(!body.frame().await.unwrap().unwrap().into_data().unwrap().is_empty());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_is_there_already_is_packed_at_once() {
        for text in ["", "hello"] {
            let body = Body::full(text).compress(ContentCoding::Gzip);
            assert!(!body.is_stream());
            let packed = body.collect().await.unwrap().to_bytes();
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, text);
        }
    }
}
