//! The bytes of a monitor, cut where lines end.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Frame, PayloadError, StreamFrame};

use crate::streams::form::Form;

/// What every frame of a monitor carries as its event.
pub(super) const EVENT: &str = "log";

/// An unfinished line may grow so long before it is sent as it is: Nomad's longest frame.
const MAX_LINE: usize = 64 << 10;

/// Something to send: whole lines, or a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// As it is sent.
    pub(super) wire: Bytes,
    /// How many lines end in it.
    pub(super) lines: u64,
}

/// Cuts an agent's answer into whole lines.
#[derive(Debug)]
pub(super) struct Lines {
    form: Form,
    /// The beginning of a line whose end has not come.
    begun: BytesMut,
    /// The data of one frame, kept to be used again.
    data: Vec<u8>,
}

impl Lines {
    pub(super) fn new(form: Form) -> Self {
        Self { form, begun: BytesMut::new(), data: Vec::new() }
    }

    /// What a chunk of a plain answer completes.
    pub(super) fn chunk(&mut self, chunk: Bytes) -> Option<Piece> {
        if self.begun.is_empty() && chunk.ends_with(b"\n") {
            return Some(Piece { lines: count(&chunk), wire: chunk });
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
            let lines = count(&self.data);
            return Ok(Some(Piece { wire: frame.to_buf().into_bytes(), lines }));
        }
        self.begun.extend_from_slice(&self.data);
        Ok(self.completed())
    }

    /// A line that nobody has ended.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        let rest = self.begun.split();
        (!rest.is_empty()).then(|| piece(self.form, &rest))
    }

    fn completed(&mut self) -> Option<Piece> {
        match self.begun.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let whole = self.begun.split_to(end + 1);
                Some(piece(self.form, &whole))
            }
            None if self.begun.len() > MAX_LINE => self.rest(),
            None => None,
        }
    }
}

/// Lines as a monitor sends them.
pub(super) fn piece(form: Form, data: &[u8]) -> Piece {
    let frame = StreamFrame { event: EVENT, data, ..StreamFrame::default() };
    Piece { wire: form.bytes(frame), lines: count(data) }
}

fn count(data: &[u8]) -> u64 {
    data.iter().map(|byte| u64::from(*byte == b'\n')).sum()
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
            decoder.feed(piece(Form::Framed, data).wire).unwrap();
            let frame = decoder.next_frame().unwrap().unwrap();
            pieces.extend(lines.frame(&frame).unwrap());
        }
        (pieces.into_iter().map(|piece| piece.wire).collect(), lines)
    }

    #[test]
    fn frames_of_whole_lines_pass_as_they_are_and_others_are_cut_anew() {
        let (pieces, mut lines) = framed(&[b"one\ntwo\n", b"thr", b"ee\nfo", b"", b"ur"]);
        let whole = |data| piece(Form::Framed, data).wire;
        assert_eq!(pieces, [whole(b"one\ntwo\n"), whole(b"three\n"), whole(b"")]);
        assert_eq!(lines.rest(), Some(piece(Form::Framed, b"four")));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn plain_chunks_are_cut_at_the_ends_of_lines() {
        let mut lines = Lines::new(Form::Plain);
        assert_eq!(lines.chunk("a\nb".into()).unwrap().wire, "a\n");
        assert_eq!(lines.chunk("b".into()), None);
        assert_eq!(lines.chunk("\nc\n".into()), Some(Piece { wire: "bb\nc\n".into(), lines: 2 }));
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut lines = Lines::new(Form::Plain);
        let half = Bytes::from(vec![b'x'; MAX_LINE / 2 + 1]);
        assert_eq!(lines.chunk(half.clone()), None);
        assert_eq!(lines.chunk(half).unwrap().wire.len(), MAX_LINE + 2);
    }
}
