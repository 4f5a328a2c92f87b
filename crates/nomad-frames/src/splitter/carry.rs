//! The beginnings of an object that straddles chunks, and the last such object once whole.

use bytes::{Bytes, BytesMut};

/// Room for the longest frame that Nomad writes: 65,536 bytes of data are 87,384 of base64, and
/// the envelope of a common path is below 200. A frame that straddles chunks is gathered in a
/// buffer that begins with this size, so that it is copied once and never moved.
const MAX_NOMAD_FRAME: usize = 87_384 + 680;

/// One buffer in two roles: it gathers, then it is lent as `joined`, then it gathers again.
#[derive(Debug, Default)]
pub(super) struct Carry {
    buffer: BytesMut,
    object: Bytes,
    /// The longest object that was joined.
    longest: usize,
    copied_bytes: u64,
}

impl Carry {
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// How many bytes were copied so far: all that were added, and those that a buffer had to
    /// move because an object was longer than any of Nomad's and than any before it.
    pub(super) const fn copied_bytes(&self) -> u64 {
        self.copied_bytes
    }

    /// The last object that was joined.
    #[inline]
    pub(super) const fn object(&self) -> &Bytes {
        &self.object
    }

    /// Adds bytes of an object that may become no longer than `limit`.
    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) {
        if self.buffer.is_empty() {
            self.make_room(limit);
        }
        let len = self.buffer.len() + bytes.len();
        if len > self.buffer.capacity() {
            // Not left to the buffer, which would double beyond the limit.
            let capacity = (2 * self.buffer.capacity()).clamp(len, limit.max(len));
            let old = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(capacity));
            self.buffer.extend_from_slice(&old);
            self.copied_bytes += old.len() as u64;
        }
        self.buffer.extend_from_slice(bytes);
        self.copied_bytes += bytes.len() as u64;
    }

    /// Makes an object of what was added.
    pub(super) fn finish_object(&mut self) {
        self.object = std::mem::take(&mut self.buffer).freeze();
        self.longest = self.longest.max(self.object.len());
    }

    /// Makes an object of bytes that are known beforehand.
    pub(super) fn set_static(&mut self, bytes: &'static [u8]) {
        self.object = Bytes::from_static(bytes);
    }

    /// Gives all memory back.
    pub(super) fn clear(&mut self) {
        *self = Self { copied_bytes: self.copied_bytes, ..Self::default() };
    }

    /// Takes the buffer of the last joined object again if nobody kept it, or else a new one.
    fn make_room(&mut self, limit: usize) {
        if let Ok(mut buffer) = std::mem::take(&mut self.object).try_into_mut() {
            buffer.clear();
            self.buffer = buffer;
        }
        self.buffer.reserve(self.longest.max(MAX_NOMAD_FRAME).min(limit));
    }
}
