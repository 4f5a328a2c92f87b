//! One frame of a file, log or monitor stream, as it was received.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::fields::Fields;
use crate::payload::Payload;
use crate::text::decode_string;

/// A frame inside the buffer it was received in. Nothing is decoded before it is asked for.
///
/// The view borrows from the [`Decoder`](crate::Decoder) until the next call;
/// [`to_buf`](Self::to_buf) makes an owner out of it that shares the bytes.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    source: &'a Bytes,
    raw: &'a [u8],
    fields: Fields,
    position: u64,
}

impl<'a> Frame<'a> {
    #[inline]
    pub(crate) const fn new(source: &'a Bytes, raw: &'a [u8], fields: Fields, at: u64) -> Self {
        Self { source, raw, fields, position: at }
    }

    /// The JSON of the frame as it was received, from its first brace to its last.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The position of the frame's first byte in the stream of frames.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// `Data`, still in base64; empty if there is none.
    #[must_use]
    pub fn data(&self) -> Payload<'a> {
        Payload::new(&self.raw[self.fields.data.range()])
    }

    /// `File`; empty if there is none. Borrowed unless it holds escapes or is not UTF-8.
    #[must_use]
    pub fn file(&self) -> Cow<'a, str> {
        decode_string(self.file_bytes())
    }

    /// What stands between the quotes of `File`, escapes and all: enough to tell whether two
    /// frames are from one file.
    #[must_use]
    pub fn file_bytes(&self) -> &'a [u8] {
        &self.raw[self.fields.file.range()]
    }

    /// `FileEvent`; empty if there is none.
    #[must_use]
    pub fn event(&self) -> Cow<'a, str> {
        decode_string(&self.raw[self.fields.event.range()])
    }

    /// `Offset` as the sender wrote it, 0 if there is none. Nomad's is not reliable; a
    /// [`Tracker`](crate::Tracker) counts the real position.
    #[must_use]
    pub const fn offset(&self) -> i64 {
        self.fields.offset
    }

    /// Whether every field is empty: the `{}` that Nomad sends each second.
    #[must_use]
    pub const fn is_heartbeat(&self) -> bool {
        self.fields.data.is_empty()
            && self.fields.file.is_empty()
            && self.fields.event.is_empty()
            && self.fields.offset == 0
    }

    /// An owner of the same bytes, not of a copy.
    ///
    /// It keeps alive the chunk that the frame lies in, or, if it straddled chunks, the buffer it
    /// was gathered in, which has room for the longest frame of Nomad (88 KiB).
    #[must_use]
    pub fn to_buf(&self) -> FrameBuf {
        FrameBuf { raw: self.source.slice_ref(self.raw), fields: self.fields, at: self.position }
    }
}

/// Two frames are equal when they say the same at the same position.
impl PartialEq for Frame<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw && self.position == other.position
    }
}

impl Eq for Frame<'_> {}

/// Prints sizes and names, not the payload: a log may hold what nobody should read elsewhere.
impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("at", &self.position)
            .field("len", &self.raw.len())
            .field("file", &self.file())
            .field("event", &self.event())
            .field("offset", &self.fields.offset)
            .finish_non_exhaustive()
    }
}

/// A frame that owns a share of the buffer it was received in. See [`Frame`] for what it says.
#[derive(Clone)]
pub struct FrameBuf {
    raw: Bytes,
    fields: Fields,
    at: u64,
}

impl FrameBuf {
    /// The frame as a view.
    #[must_use]
    pub fn as_frame(&self) -> Frame<'_> {
        Frame::new(&self.raw, &self.raw, self.fields, self.at)
    }

    /// The JSON of the frame as it was received.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.raw
    }
}

impl PartialEq for FrameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_frame() == other.as_frame()
    }
}

impl Eq for FrameBuf {}

impl fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_frame().fmt(f)
    }
}
