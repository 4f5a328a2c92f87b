//! The stream that is measured: data frames, 2 % heartbeats, 0.25 % events.

use bytes::{Bytes, BytesMut};
use nomad_frames::StreamFrame;

pub(crate) const FILE: &str = "alloc/logs/web.stdout.0";

/// What one frame is made of.
pub(crate) struct Part {
    pub(crate) event: &'static str,
    pub(crate) file: &'static str,
    pub(crate) offset: i64,
    pub(crate) len: usize,
}

/// A stream, and what it was made of.
pub(crate) struct Stream {
    pub(crate) bytes: Bytes,
    pub(crate) parts: Vec<Part>,
    /// The bytes of one frame; all have the same.
    pub(crate) data: Vec<u8>,
}

impl Stream {
    /// Frames of `size` bytes of data until they are about `total` bytes long.
    pub(crate) fn new(size: usize, total: usize) -> Self {
        let data = lines(size);
        let mut bytes = BytesMut::with_capacity(total + 2 * size);
        let mut parts = Vec::new();
        let mut offset = 0;
        while bytes.len() < total {
            let part = match parts.len() % 400 {
                n if n % 50 == 49 => Part { event: "", file: "", offset: 0, len: 0 },
                200 => Part { event: "file truncated", file: FILE, offset: 0, len: 0 },
                _ => {
                    offset += size as i64;
                    Part { event: "", file: FILE, offset, len: size }
                }
            };
            part.frame(&data).encode(&mut bytes);
            parts.push(part);
        }
        Self { bytes: bytes.freeze(), parts, data }
    }
}

impl Part {
    pub(crate) fn frame<'a>(&self, data: &'a [u8]) -> StreamFrame<'a> {
        let &Self { event, file, offset, len } = self;
        StreamFrame { file, event, offset, data: &data[..len] }
    }
}

/// Log lines of a web server, cut off at `size`.
fn lines(size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 128);
    let mut seed = 1_u64;
    while text.len() < size {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = (seed >> 40, seed >> 52);
        text.extend_from_slice(
            format!("10.0.{}.{} - GET /v1/items/{a} HTTP/1.1 200 {b}\n", b % 256, a % 256)
                .as_bytes(),
        );
    }
    text.truncate(size);
    text
}
