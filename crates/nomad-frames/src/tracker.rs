//! Where in which file the bytes of a stream are from, counted and not believed.

use crate::frame::Frame;
use crate::text::decode_string;

/// Counts the position of each frame's data in its file.
///
/// Nomad's `Offset` is right only for a frame that was made of one read: a frame that merged
/// several has the position after the first of them, and a frame cut after full ones may point
/// past the end of the file. So the tracker adds up the lengths of the data. It begins again at
/// 0 when the file changes, as the next log does, and when the file was truncated or deleted.
///
/// ```
/// use nomad_frames::{Decoder, Tracker};
///
/// let mut decoder = Decoder::default();
/// // Two reads of 3 bytes in one frame: Nomad says 3.
/// decoder.feed(r#"{"Data":"YWJjZGVm","File":"app.log","Offset":3}"#.into())?;
/// let mut tracker = Tracker::from_position(0);
/// let frame = decoder.next_frame()?.expect("one frame was fed");
/// let position = tracker.advance(&frame);
/// assert_eq!((position.file().as_ref(), position.start, position.end), ("app.log", 0, 6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracker {
    /// The file as it stands between the quotes; empty before the first frame that names one.
    file: Vec<u8>,
    position: u64,
    /// Whether `next` is only what the first frame claims.
    is_unverified: bool,
    /// Whether `next` is not known at all.
    is_unknown: bool,
}

impl Tracker {
    /// For a stream whose first file is read from `position` on: the offset asked for with
    /// `origin=start`, as long as it lies in the first file.
    #[must_use]
    pub const fn from_position(position: u64) -> Self {
        Self { file: Vec::new(), position, is_unverified: false, is_unknown: false }
    }

    /// For a stream that begins somewhere, as with `origin=end`. The first frame's `Offset` has
    /// to be believed then, and the positions in its file are [unverified](Position::is_unverified) ones:
    /// right if that frame was one read, as it is after an idle start.
    #[must_use]
    pub const fn from_unknown_position() -> Self {
        Self { file: Vec::new(), position: 0, is_unverified: true, is_unknown: true }
    }

    /// Takes the next frame of the stream and says where its data is from. A frame without data
    /// lies between two bytes; a heartbeat is nowhere and leaves everything as it is.
    pub fn advance(&mut self, frame: &Frame<'_>) -> Position<'_> {
        let file = frame.file_bytes();
        if !file.is_empty() && file != self.file {
            if !self.file.is_empty() {
                self.restart_file();
            }
            self.file.clear();
            self.file.extend_from_slice(file);
        }
        if matches!(&*frame.event(), "file truncated" | "file deleted") {
            self.restart_file();
        }
        let len = frame.data().decoded_len() as u64;
        if self.is_unknown && len > 0 {
            self.position = u64::try_from(frame.offset()).unwrap_or(0).saturating_sub(len);
            self.is_unknown = false;
        }
        let start = self.position;
        self.position = start.saturating_add(len);
        Position { file: &self.file, start, end: self.position, is_unverified: self.is_unverified }
    }

    /// The next byte is the first of a file.
    fn restart_file(&mut self) {
        (self.position, self.is_unverified, self.is_unknown) = (0, false, false);
    }
}

/// Where the data of a frame is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position<'a> {
    file: &'a [u8],
    /// The position of the first byte in the file.
    pub start: u64,
    /// The position after the last byte: from here the file can be read on.
    pub end: u64,
    /// Whether both rest on the offset that the first frame claimed.
    pub is_unverified: bool,
}

impl<'a> Position<'a> {
    /// The file; empty if no frame has named one.
    #[must_use]
    pub fn file(&self) -> std::borrow::Cow<'a, str> {
        decode_string(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;

    fn check(mut tracker: Tracker, stream: &str, expect: &[(&str, u64, u64, bool)]) {
        let mut decoder = Decoder::default();
        decoder.feed(stream.to_owned().into()).unwrap();
        let mut seen = Vec::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            let p = tracker.advance(&frame);
            seen.push((p.file().into_owned(), p.start, p.end, p.is_unverified));
        }
        let seen: Vec<_> = seen.iter().map(|(f, s, e, c)| (f.as_str(), *s, *e, *c)).collect();
        assert_eq!(seen, expect);
    }

    #[test]
    fn positions_are_counted_and_not_believed() {
        let stream = r#"{}{"Data":"YWJj","File":"a.0","Offset":9}{"Data":"YQ==","File":"a.0","Offset":99}
            {"File":"a.0","Offset":131072}{"Data":"YQ==","File":"a.1","Offset":1}"#;
        check(
            Tracker::from_position(6),
            stream,
            &[
                ("", 6, 6, false),
                ("a.0", 6, 9, false),
                ("a.0", 9, 10, false),
                ("a.0", 10, 10, false),
                ("a.1", 0, 1, false),
            ],
        );
        check(
            Tracker::from_unknown_position(),
            stream,
            &[
                ("", 0, 0, true),
                ("a.0", 6, 9, true),
                ("a.0", 9, 10, true),
                ("a.0", 10, 10, true),
                ("a.1", 0, 1, false),
            ],
        );
    }

    #[test]
    fn a_truncated_file_begins_again_and_events_may_come_twice() {
        let stream = r#"{"Data":"YWJj","File":"f","Offset":3}{"File":"f","FileEvent":"file truncated"}
            {"File":"f","FileEvent":"file truncated"}{"Data":"YQ==","File":"f","Offset":1}"#;
        let truncated = ("f", 0, 0, false);
        check(
            Tracker::from_position(0),
            stream,
            &[("f", 0, 3, false), truncated, truncated, ("f", 0, 1, false)],
        );
    }

    #[test]
    fn a_merged_first_frame_does_not_go_below_the_start() {
        let stream = r#"{"Data":"YWJjZGVm","File":"f","Offset":3}"#;
        check(Tracker::from_unknown_position(), stream, &[("f", 0, 6, true)]);
    }
}
