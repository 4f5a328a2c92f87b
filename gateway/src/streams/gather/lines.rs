//! The bytes of a monitor, cut where lines end.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Frame, PayloadError, StreamFrame};

use crate::streams::form::Form;

/// What every frame of a monitor carries as its event.
pub(super) const EVENT: &str = "log";

/// An unfinished line may grow so long before it is sent as it is: Nomad's longest frame.
const MAX_LINE: usize = 64 << 10;

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// As it is sent.
    pub(super) wire: Bytes,
    pub(super) content: Content,
}

/// What a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing but the news that the agent is there.
    Heartbeat,
    /// Lines, of which the first and the last may be parts of longer ones.
    Lines(Extent),
}

/// How much of which lines a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Lines of which it holds at least a part.
    pub(super) lines: u64,
    /// The first one began in an earlier piece.
    pub(super) continues: bool,
    /// The last one ends in a later piece.
    pub(super) is_open: bool,
}

/// Cuts an agent's answer into whole lines.
#[derive(Debug)]
pub(super) struct Lines {
    form: Form,
    /// The beginning of a line whose end has not come.
    begun: BytesMut,
    /// The data of one frame, kept to be used again.
    data: Vec<u8>,
    /// The line whose beginning was handed out already is not over.
    is_open: bool,
}

impl Lines {
    pub(super) fn new(form: Form) -> Self {
        Self { form, begun: BytesMut::new(), data: Vec::new(), is_open: false }
    }

    /// What a chunk of a plain answer completes.
    pub(super) fn chunk(&mut self, chunk: Bytes) -> Option<Piece> {
        if self.begun.is_empty() && chunk.ends_with(b"\n") {
            return Some(Piece { content: self.content(&chunk), wire: chunk });
        }
        self.begun.extend_from_slice(&chunk);
        self.completed()
    }

    /// What a frame completes. Frames without data pass as they are.
    ///
    /// # Errors
    /// [`PayloadError`] when the data is not base64.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> Result<Option<Piece>, PayloadError> {
        self.data.clear();
        frame.data().decode_into(&mut self.data)?;
        let is_whole =
            self.data.is_empty() || (self.begun.is_empty() && self.data.ends_with(b"\n"));
        if is_whole {
            let data = std::mem::take(&mut self.data);
            let content = self.content(&data);
            self.data = data;
            return Ok(Some(Piece { wire: frame.to_buf().into_bytes(), content }));
        }
        self.begun.extend_from_slice(&self.data);
        Ok(self.completed())
    }

    /// A line that nobody has ended.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        let rest = self.begun.split();
        (!rest.is_empty()).then(|| self.piece(&rest))
    }

    fn completed(&mut self) -> Option<Piece> {
        match self.begun.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let whole = self.begun.split_to(end + 1);
                Some(self.piece(&whole))
            }
            None if self.begun.len() > MAX_LINE => self.rest(),
            None => None,
        }
    }

    fn piece(&mut self, data: &[u8]) -> Piece {
        Piece { wire: wire(self.form, data), content: self.content(data) }
    }

    /// What the next piece holds.
    fn content(&mut self, data: &[u8]) -> Content {
        let Some(last) = data.last() else { return Content::Heartbeat };
        let ends: u64 = data.iter().map(|byte| u64::from(*byte == b'\n')).sum();
        let is_open = *last != b'\n';
        let continues = std::mem::replace(&mut self.is_open, is_open);
        Content::Lines(Extent { lines: ends + u64::from(is_open), continues, is_open })
    }
}

/// Lines as a monitor sends them.
pub(super) fn wire(form: Form, data: &[u8]) -> Bytes {
    form.bytes(StreamFrame { event: EVENT, data, ..StreamFrame::default() })
}

/// One whole line.
pub(super) const fn line(wire: Bytes) -> Piece {
    let content = Content::Lines(Extent { lines: 1, continues: false, is_open: false });
    Piece { wire, content }
}

#[cfg(test)]
mod tests {
    use nomad_frames::Decoder;

    use super::*;

    fn framed(frames: &[&[u8]]) -> (Vec<Bytes>, Lines) {
        let mut lines = Lines::new(Form::Framed);
        let mut pieces = Vec::new();
        for data in frames {
            let mut decoder = Decoder::default();
            decoder.feed(wire(Form::Framed, data)).unwrap();
            let frame = decoder.next_frame().unwrap().unwrap();
            pieces.extend(lines.frame(&frame).unwrap());
        }
        (pieces.into_iter().map(|piece| piece.wire).collect(), lines)
    }

    const fn extent(lines: u64, continues: bool, is_open: bool) -> Content {
        Content::Lines(Extent { lines, continues, is_open })
    }

    #[test]
    fn frames_of_whole_lines_pass_as_they_are_and_others_are_cut_anew() {
        let (pieces, mut lines) = framed(&[b"one\ntwo\n", b"thr", b"ee\nfo", b"", b"ur"]);
        let whole = |data| wire(Form::Framed, data);
        assert_eq!(pieces, [whole(b"one\ntwo\n"), whole(b"three\n"), whole(b"")]);
        let rest = lines.rest().unwrap();
        assert_eq!((rest.wire, rest.content), (whole(b"four"), extent(1, false, true)));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn plain_chunks_are_cut_at_the_ends_of_lines() {
        let mut lines = Lines::new(Form::Plain);
        assert_eq!(lines.chunk("a\nb".into()).unwrap().wire, "a\n");
        assert_eq!(lines.chunk("b".into()), None);
        let piece = lines.chunk("\nc\n".into()).unwrap();
        assert_eq!((piece.wire, piece.content), ("bb\nc\n".into(), extent(2, false, false)));
    }

    #[test]
    fn a_long_line_comes_in_parts_that_say_so() {
        let mut lines = Lines::new(Form::Plain);
        let half = Bytes::from(vec![b'x'; MAX_LINE / 2 + 1]);
        assert_eq!(lines.chunk(half.clone()), None);
        let first = lines.chunk(half.clone()).unwrap();
        assert_eq!((first.wire.len(), first.content), (MAX_LINE + 2, extent(1, false, true)));
        assert_eq!(lines.chunk(half.clone()), None);
        assert_eq!(lines.chunk(half).unwrap().content, extent(1, true, true));
        let last = lines.chunk("end\nnext\n".into()).unwrap();
        assert_eq!((last.wire, last.content), ("end\nnext\n".into(), extent(2, true, false)));
        assert_eq!(lines.chunk("x\n".into()).unwrap().content, extent(1, false, false));
    }

    #[test]
    fn only_a_frame_without_data_is_a_heartbeat() {
        let mut decoder = Decoder::default();
        decoder.feed("{}".into()).unwrap();
        let frame = decoder.next_frame().unwrap().unwrap();
        let piece = Lines::new(Form::Framed).frame(&frame).unwrap().unwrap();
        assert_eq!((piece.wire, piece.content), ("{}".into(), Content::Heartbeat));
    }
}
