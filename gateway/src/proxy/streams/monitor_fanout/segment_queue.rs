//! The bounded queue of one subscriber.

use std::{collections::VecDeque, mem};

use super::line_splitter::{self, LineExtent, Segment, SegmentContent};
use crate::proxy::streams::framing::Framing;

/// How many lines wait for a slow caller: as many as at Nomad's own monitor.
pub(super) const MAX_LINES: u64 = 512;

/// And how many bytes, since lines can be long. What waits for several callers is there once.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A bounded queue; every line that is not whole in it is counted and told.
#[derive(Debug)]
pub(super) struct SegmentQueue {
    framing: Framing,
    segments: VecDeque<Segment>,
    lines: u64,
    bytes: usize,
    /// Lines lost since the last notice.
    lines_lost: u64,
    current_line: CurrentLine,
    /// The last piece that was taken ends in the middle of a line.
    ends_mid_line: bool,
}

/// What the caller has of the line that the agent is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CurrentLine {
    /// All of it, if there is such a line.
    Delivered,
    /// Not its beginning, since the caller came later.
    JoinedLate,
    /// A part that was lost, and is counted.
    Dropped,
}

impl SegmentQueue {
    pub(super) const fn new(form: Framing) -> Self {
        let pieces = VecDeque::new();
        Self {
            framing: form,
            segments: pieces,
            lines: 0,
            bytes: 0,
            lines_lost: 0,
            current_line: CurrentLine::JoinedLate,
            ends_mid_line: false,
        }
    }

    /// Takes a piece if there is room. The notice of what was lost stands where it was lost.
    pub(super) fn push(&mut self, piece: Segment) {
        match piece.content {
            // Waiting bytes say as well that the agent is there.
            SegmentContent::Heartbeat if self.segments.is_empty() => self.append(piece),
            SegmentContent::Heartbeat => {}
            SegmentContent::Lines(extent) => self.push_lines(piece, extent),
        }
    }

    fn push_lines(&mut self, piece: Segment, extent: LineExtent) {
        let passing = if extent.continues { self.current_line } else { CurrentLine::Delivered };
        match passing {
            CurrentLine::Delivered if self.fits(&piece, extent) => {
                if self.lines_lost > 0 {
                    let notice = self.loss_notice();
                    self.append(notice);
                }
                self.append(piece);
                self.current_line = CurrentLine::Delivered;
                return;
            }
            CurrentLine::Delivered => self.lines_lost += extent.lines,
            // The first line was counted, or was never this caller's.
            CurrentLine::JoinedLate | CurrentLine::Dropped => self.lines_lost += extent.lines - 1,
        }
        let is_counted = passing != CurrentLine::JoinedLate || extent.lines > 1;
        self.current_line = match (extent.ends_mid_line, is_counted) {
            (false, _) => CurrentLine::Delivered,
            (true, true) => CurrentLine::Dropped,
            (true, false) => CurrentLine::JoinedLate,
        };
    }

    /// The next piece to send.
    pub(super) fn pop(&mut self) -> Option<Segment> {
        let Some(piece) = self.segments.pop_front() else {
            return (self.lines_lost > 0).then(|| self.loss_notice());
        };
        self.lines -= line_count(&piece);
        self.bytes -= piece.encoded.len();
        Some(piece)
    }

    /// One piece fits in any case.
    fn fits(&self, piece: &Segment, extent: LineExtent) -> bool {
        self.segments.is_empty()
            || (self.lines + extent.lines <= MAX_LINES
                && self.bytes + piece.encoded.len() <= MAX_BYTES)
    }

    fn append(&mut self, piece: Segment) {
        self.lines += line_count(&piece);
        self.bytes += piece.encoded.len();
        self.ends_mid_line = ends_mid_line(&piece);
        self.segments.push_back(piece);
    }

    /// Plain text without a time, also between JSON lines, as Nomad's is.
    fn loss_notice(&mut self) -> Segment {
        let lost = mem::take(&mut self.lines_lost);
        // The beginning of a line may stand before it.
        let end = if mem::take(&mut self.ends_mid_line) { "\n" } else { "" };
        let text = format!("{end}[WARN] Monitor dropped {lost} logs during monitor request\n");
        line_splitter::whole_line(line_splitter::encode_lines(self.framing, text.as_bytes()))
    }
}

const fn line_count(piece: &Segment) -> u64 {
    match piece.content {
        SegmentContent::Heartbeat => 0,
        SegmentContent::Lines(extent) => extent.lines,
    }
}

const fn ends_mid_line(piece: &Segment) -> bool {
    matches!(piece.content, SegmentContent::Lines(LineExtent { ends_mid_line: true, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::streams::monitor_fanout::line_splitter::LineSplitter;

    fn one_line(number: usize) -> Segment {
        line_splitter::whole_line(format!("{number}\n").into())
    }

    fn drain_text(queue: &mut SegmentQueue) -> String {
        std::iter::from_fn(|| queue.pop())
            .map(|piece| String::from_utf8(piece.encoded.to_vec()).unwrap())
            .collect()
    }

    /// The pieces of what an agent says, in chunks of 64 KiB and a bit.
    fn segments_of(text: &str) -> Vec<Segment> {
        let mut lines = LineSplitter::new(Framing::Plain);
        let chunks = text.as_bytes().chunks((64 << 10) + 1);
        chunks.filter_map(|chunk| lines.push_chunk(chunk.to_vec().into())).collect()
    }

    #[test]
    fn what_is_lost_is_told_where_it_was_lost() {
        let mut queue = SegmentQueue::new(Framing::Plain);
        for number in 0..600 {
            queue.push(one_line(number));
        }
        let first = queue.pop().unwrap();
        assert_eq!(first, one_line(0));
        queue.pop();
        queue.push(one_line(600));
        let seen = drain_text(&mut queue);
        let lines: Vec<_> = seen.lines().collect();
        assert_eq!(
            lines[509..],
            ["511", "[WARN] Monitor dropped 88 logs during monitor request", "600"]
        );
        assert_eq!((queue.lines, queue.bytes), (0, 0));
    }

    #[test]
    fn a_loss_at_the_end_is_told_once_all_is_read() {
        let mut queue = SegmentQueue::new(Framing::Plain);
        for number in 0..514 {
            queue.push(one_line(number));
        }
        assert!(
            drain_text(&mut queue)
                .ends_with("511\n[WARN] Monitor dropped 2 logs during monitor request\n")
        );
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn bytes_are_bounded_too_and_heartbeats_do_not_queue() {
        let mut queue = SegmentQueue::new(Framing::Plain);
        let long = line_splitter::whole_line(vec![b'x'; MAX_BYTES].into());
        let heartbeat = Segment { encoded: "{}".into(), content: SegmentContent::Heartbeat };
        queue.push(long.clone());
        queue.push(long.clone());
        queue.push(heartbeat.clone());
        assert_eq!(queue.pop(), Some(long));
        assert!(queue.pop().unwrap().encoded.starts_with(b"[WARN] Monitor dropped 1 logs"));
        assert_eq!(queue.pop(), None);
        queue.push(heartbeat.clone());
        assert_eq!(queue.pop(), Some(heartbeat));
    }

    #[test]
    fn a_long_line_is_whole_while_there_is_room() {
        let mut queue = SegmentQueue::new(Framing::Plain);
        let text = format!("a\n{}\nb\n", "x".repeat(900 << 10));
        for piece in segments_of(&text) {
            queue.push(piece);
        }
        assert!(drain_text(&mut queue) == text, "not what was said");
    }

    #[test]
    fn a_line_of_which_a_part_was_lost_is_cut_short_and_counted() {
        let mut queue = SegmentQueue::new(Framing::Plain);
        for piece in
            segments_of(&format!("a\n{}\nb\n{}\n", "x".repeat(1_500 << 10), "y".repeat(70 << 10)))
        {
            queue.push(piece);
        }
        let seen = drain_text(&mut queue);
        let mut lines = seen.lines();
        assert_eq!(lines.next(), Some("a"));
        let cut = lines.next().unwrap();
        assert!(cut.len() > 900 << 10 && cut.bytes().all(|byte| byte == b'x'));
        // The pieces that held the other lines found no room either.
        assert_eq!(lines.next(), Some("[WARN] Monitor dropped 3 logs during monitor request"));
        assert_eq!(lines.next(), None);
        queue.push(one_line(1));
        assert_eq!(drain_text(&mut queue), "1\n");
    }

    #[test]
    fn who_comes_in_the_middle_of_a_line_begins_with_the_next_one() {
        let mut pieces = segments_of(&format!("{}\n1\n", "x".repeat(200 << 10))).into_iter();
        pieces.next();
        let mut queue = SegmentQueue::new(Framing::Plain);
        for piece in pieces.chain([one_line(2)]) {
            queue.push(piece);
        }
        let seen = drain_text(&mut queue);
        assert!(!seen.contains('x') && seen.ends_with("2\n"), "{seen}");
    }
}
