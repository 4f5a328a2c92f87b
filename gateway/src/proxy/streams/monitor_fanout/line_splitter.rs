//! Splits the bytes of a monitor at line ends.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Frame, PayloadError, StreamFrame};

use crate::proxy::streams::framing::Framing;

/// What every frame of a monitor carries as its event.
pub(super) const LOG_EVENT: &str = "log";

/// An unfinished line may grow so long before it is sent as it is: Nomad's longest frame.
const MAX_LINE: usize = 64 << 10;

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// As it is sent.
    pub(super) encoded: Bytes,
    pub(super) content: SegmentContent,
}

/// What a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentContent {
    /// Nothing but the news that the agent is there.
    Heartbeat,
    /// Lines, of which the first and the last may be parts of longer ones.
    Lines(LineExtent),
}

/// How much of which lines a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineExtent {
    /// Lines of which it holds at least a part.
    pub(super) lines: u64,
    /// The first one began in an earlier piece.
    pub(super) continues: bool,
    /// The last one ends in a later piece.
    pub(super) ends_mid_line: bool,
}

/// Cuts an agent's answer into whole lines.
#[derive(Debug)]
pub(super) struct LineSplitter {
    framing: Framing,
    /// The beginning of a line whose end has not come.
    partial_line: BytesMut,
    /// The data of one frame, kept to be used again.
    buffer: Vec<u8>,
    /// The line whose beginning was handed out already is not over.
    is_mid_line: bool,
}

impl LineSplitter {
    pub(super) fn new(form: Framing) -> Self {
        Self {
            framing: form,
            partial_line: BytesMut::new(),
            buffer: Vec::new(),
            is_mid_line: false,
        }
    }

    /// What a chunk of a plain answer completes.
    pub(super) fn push_chunk(&mut self, chunk: Bytes) -> Option<Segment> {
        if self.partial_line.is_empty() && chunk.ends_with(b"\n") {
            return Some(Segment { content: self.next_content(&chunk), encoded: chunk });
        }
        self.partial_line.extend_from_slice(&chunk);
        self.take_whole_lines()
    }

    /// What a frame completes. Frames without data pass as they are.
    ///
    /// # Errors
    /// [`PayloadError`] when the data is not base64.
    pub(super) fn push_frame(
        &mut self,
        frame: &Frame<'_>,
    ) -> Result<Option<Segment>, PayloadError> {
        self.buffer.clear();
        frame.data().decode_into(&mut self.buffer)?;
        let is_whole = self.buffer.is_empty()
            || (self.partial_line.is_empty() && self.buffer.ends_with(b"\n"));
        if is_whole {
            let data = std::mem::take(&mut self.buffer);
            let content = self.next_content(&data);
            self.buffer = data;
            return Ok(Some(Segment { encoded: frame.to_buf().into_bytes(), content }));
        }
        self.partial_line.extend_from_slice(&self.buffer);
        Ok(self.take_whole_lines())
    }

    /// A line that nobody has ended.
    pub(super) fn take_rest(&mut self) -> Option<Segment> {
        let rest = self.partial_line.split();
        (!rest.is_empty()).then(|| self.segment(&rest))
    }

    fn take_whole_lines(&mut self) -> Option<Segment> {
        match self.partial_line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let whole = self.partial_line.split_to(end + 1);
                Some(self.segment(&whole))
            }
            None if self.partial_line.len() > MAX_LINE => self.take_rest(),
            None => None,
        }
    }

    fn segment(&mut self, data: &[u8]) -> Segment {
        Segment { encoded: encode_lines(self.framing, data), content: self.next_content(data) }
    }

    /// What the next piece holds.
    fn next_content(&mut self, data: &[u8]) -> SegmentContent {
        let Some(last) = data.last() else { return SegmentContent::Heartbeat };
        let ends: u64 = data.iter().map(|byte| u64::from(*byte == b'\n')).sum();
        let is_open = *last != b'\n';
        let continues = std::mem::replace(&mut self.is_mid_line, is_open);
        SegmentContent::Lines(LineExtent {
            lines: ends + u64::from(is_open),
            continues,
            ends_mid_line: is_open,
        })
    }
}

/// Lines as a monitor sends them.
pub(super) fn encode_lines(form: Framing, data: &[u8]) -> Bytes {
    form.encode(StreamFrame { event: LOG_EVENT, data, ..StreamFrame::default() })
}

/// One whole line.
pub(super) const fn whole_line(wire: Bytes) -> Segment {
    let content =
        SegmentContent::Lines(LineExtent { lines: 1, continues: false, ends_mid_line: false });
    Segment { encoded: wire, content }
}

#[cfg(test)]
mod tests {
    use nomad_frames::Decoder;

    use super::*;

    fn split_frames(frames: &[&[u8]]) -> (Vec<Bytes>, LineSplitter) {
        let mut lines = LineSplitter::new(Framing::Framed);
        let mut pieces = Vec::new();
        for data in frames {
            let mut decoder = Decoder::default();
            decoder.feed(encode_lines(Framing::Framed, data)).unwrap();
            let frame = decoder.next_frame().unwrap().unwrap();
            pieces.extend(lines.push_frame(&frame).unwrap());
        }
        (pieces.into_iter().map(|piece| piece.encoded).collect(), lines)
    }

    const fn extent(lines: u64, continues: bool, is_open: bool) -> SegmentContent {
        SegmentContent::Lines(LineExtent { lines, continues, ends_mid_line: is_open })
    }

    #[test]
    fn frames_of_whole_lines_pass_as_they_are_and_others_are_cut_anew() {
        let (pieces, mut lines) = split_frames(&[b"one\ntwo\n", b"thr", b"ee\nfo", b"", b"ur"]);
        let whole = |data| encode_lines(Framing::Framed, data);
        assert_eq!(pieces, [whole(b"one\ntwo\n"), whole(b"three\n"), whole(b"")]);
        let rest = lines.take_rest().unwrap();
        assert_eq!((rest.encoded, rest.content), (whole(b"four"), extent(1, false, true)));
        assert_eq!(lines.take_rest(), None);
    }

    #[test]
    fn plain_chunks_are_cut_at_the_ends_of_lines() {
        let mut lines = LineSplitter::new(Framing::Plain);
        assert_eq!(lines.push_chunk("a\nb".into()).unwrap().encoded, "a\n");
        assert_eq!(lines.push_chunk("b".into()), None);
        let piece = lines.push_chunk("\nc\n".into()).unwrap();
        assert_eq!((piece.encoded, piece.content), ("bb\nc\n".into(), extent(2, false, false)));
    }

    #[test]
    fn a_long_line_comes_in_parts_that_say_so() {
        let mut lines = LineSplitter::new(Framing::Plain);
        let half = Bytes::from(vec![b'x'; MAX_LINE / 2 + 1]);
        assert_eq!(lines.push_chunk(half.clone()), None);
        let first = lines.push_chunk(half.clone()).unwrap();
        assert_eq!((first.encoded.len(), first.content), (MAX_LINE + 2, extent(1, false, true)));
        assert_eq!(lines.push_chunk(half.clone()), None);
        assert_eq!(lines.push_chunk(half).unwrap().content, extent(1, true, true));
        let last = lines.push_chunk("end\nnext\n".into()).unwrap();
        assert_eq!((last.encoded, last.content), ("end\nnext\n".into(), extent(2, true, false)));
        assert_eq!(lines.push_chunk("x\n".into()).unwrap().content, extent(1, false, false));
    }

    #[test]
    fn only_a_frame_without_data_is_a_heartbeat() {
        let mut decoder = Decoder::default();
        decoder.feed("{}".into()).unwrap();
        let frame = decoder.next_frame().unwrap().unwrap();
        let piece = LineSplitter::new(Framing::Framed).push_frame(&frame).unwrap().unwrap();
        assert_eq!((piece.encoded, piece.content), ("{}".into(), SegmentContent::Heartbeat));
    }
}
