//! What waits for one caller.

use std::{collections::VecDeque, mem};

use super::lines::{self, Content, Extent, Piece};
use crate::streams::form::Form;

/// How many lines wait for a slow caller: as many as at Nomad's own monitor.
pub(super) const MAX_LINES: u64 = 512;

/// And how many bytes, since lines can be long. What waits for several callers is there once.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A bounded queue; every line that is not whole in it is counted and told.
#[derive(Debug)]
pub(super) struct Queue {
    form: Form,
    pieces: VecDeque<Piece>,
    lines: u64,
    bytes: usize,
    /// Lines lost since the last notice.
    lost: u64,
    passing: Passing,
    /// The last piece that was taken ends in the middle of a line.
    is_open: bool,
}

/// What the caller has of the line that the agent is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// All of it, if there is such a line.
    Seen,
    /// Not its beginning, since the caller came later.
    Unseen,
    /// A part that was lost, and is counted.
    Lost,
}

impl Queue {
    pub(super) const fn new(form: Form) -> Self {
        let pieces = VecDeque::new();
        Self { form, pieces, lines: 0, bytes: 0, lost: 0, passing: Passing::Unseen, is_open: false }
    }

    /// Takes a piece if there is room. The notice of what was lost stands where it was lost.
    pub(super) fn push(&mut self, piece: Piece) {
        match piece.content {
            // Waiting bytes say as well that the agent is there.
            Content::Heartbeat if self.pieces.is_empty() => self.append(piece),
            Content::Heartbeat => {}
            Content::Lines(extent) => self.push_lines(piece, extent),
        }
    }

    fn push_lines(&mut self, piece: Piece, extent: Extent) {
        let passing = if extent.continues { self.passing } else { Passing::Seen };
        match passing {
            Passing::Seen if self.has_room(&piece, extent) => {
                if self.lost > 0 {
                    let notice = self.notice();
                    self.append(notice);
                }
                self.append(piece);
                self.passing = Passing::Seen;
                return;
            }
            Passing::Seen => self.lost += extent.lines,
            // The first line was counted, or was never this caller's.
            Passing::Unseen | Passing::Lost => self.lost += extent.lines - 1,
        }
        let is_counted = passing != Passing::Unseen || extent.lines > 1;
        self.passing = match (extent.is_open, is_counted) {
            (false, _) => Passing::Seen,
            (true, true) => Passing::Lost,
            (true, false) => Passing::Unseen,
        };
    }

    /// The next piece to send.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        let Some(piece) = self.pieces.pop_front() else {
            return (self.lost > 0).then(|| self.notice());
        };
        self.lines -= lines(&piece);
        self.bytes -= piece.wire.len();
        Some(piece)
    }

    /// One piece fits in any case.
    fn has_room(&self, piece: &Piece, extent: Extent) -> bool {
        self.pieces.is_empty()
            || (self.lines + extent.lines <= MAX_LINES
                && self.bytes + piece.wire.len() <= MAX_BYTES)
    }

    fn append(&mut self, piece: Piece) {
        self.lines += lines(&piece);
        self.bytes += piece.wire.len();
        self.is_open = is_open(&piece);
        self.pieces.push_back(piece);
    }

    /// Plain text without a time, also between JSON lines, as Nomad's is.
    fn notice(&mut self) -> Piece {
        let lost = mem::take(&mut self.lost);
        // The beginning of a line may stand before it.
        let end = if mem::take(&mut self.is_open) { "\n" } else { "" };
        let text = format!("{end}[WARN] Monitor dropped {lost} logs during monitor request\n");
        lines::line(lines::wire(self.form, text.as_bytes()))
    }
}

const fn lines(piece: &Piece) -> u64 {
    match piece.content {
        Content::Heartbeat => 0,
        Content::Lines(extent) => extent.lines,
    }
}

const fn is_open(piece: &Piece) -> bool {
    matches!(piece.content, Content::Lines(Extent { is_open: true, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::gather::lines::Lines;

    fn line(number: usize) -> Piece {
        lines::line(format!("{number}\n").into())
    }

    fn drained(queue: &mut Queue) -> String {
        std::iter::from_fn(|| queue.pop())
            .map(|piece| String::from_utf8(piece.wire.to_vec()).unwrap())
            .collect()
    }

    /// The pieces of what an agent says, in chunks of 64 KiB and a bit.
    fn said(text: &str) -> Vec<Piece> {
        let mut lines = Lines::new(Form::Plain);
        let chunks = text.as_bytes().chunks((64 << 10) + 1);
        chunks.filter_map(|chunk| lines.chunk(chunk.to_vec().into())).collect()
    }

    #[test]
    fn what_is_lost_is_told_where_it_was_lost() {
        let mut queue = Queue::new(Form::Plain);
        for number in 0..600 {
            queue.push(line(number));
        }
        let first = queue.pop().unwrap();
        assert_eq!(first, line(0));
        queue.pop();
        queue.push(line(600));
        let seen = drained(&mut queue);
        let lines: Vec<_> = seen.lines().collect();
        assert_eq!(
            lines[509..],
            ["511", "[WARN] Monitor dropped 88 logs during monitor request", "600"]
        );
        assert_eq!((queue.lines, queue.bytes), (0, 0));
    }

    #[test]
    fn a_loss_at_the_end_is_told_once_all_is_read() {
        let mut queue = Queue::new(Form::Plain);
        for number in 0..514 {
            queue.push(line(number));
        }
        assert!(
            drained(&mut queue)
                .ends_with("511\n[WARN] Monitor dropped 2 logs during monitor request\n")
        );
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn bytes_are_bounded_too_and_heartbeats_do_not_queue() {
        let mut queue = Queue::new(Form::Plain);
        let long = lines::line(vec![b'x'; MAX_BYTES].into());
        let heartbeat = Piece { wire: "{}".into(), content: Content::Heartbeat };
        queue.push(long.clone());
        queue.push(long.clone());
        queue.push(heartbeat.clone());
        assert_eq!(queue.pop(), Some(long));
        assert!(queue.pop().unwrap().wire.starts_with(b"[WARN] Monitor dropped 1 logs"));
        assert_eq!(queue.pop(), None);
        queue.push(heartbeat.clone());
        assert_eq!(queue.pop(), Some(heartbeat));
    }

    #[test]
    fn a_long_line_is_whole_while_there_is_room() {
        let mut queue = Queue::new(Form::Plain);
        let text = format!("a\n{}\nb\n", "x".repeat(900 << 10));
        for piece in said(&text) {
            queue.push(piece);
        }
        assert!(drained(&mut queue) == text, "not what was said");
    }

    #[test]
    fn a_line_of_which_a_part_was_lost_is_cut_short_and_counted() {
        let mut queue = Queue::new(Form::Plain);
        for piece in said(&format!("a\n{}\nb\n{}\n", "x".repeat(1_500 << 10), "y".repeat(70 << 10)))
        {
            queue.push(piece);
        }
        let seen = drained(&mut queue);
        let mut lines = seen.lines();
        assert_eq!(lines.next(), Some("a"));
        let cut = lines.next().unwrap();
        assert!(cut.len() > 900 << 10 && cut.bytes().all(|byte| byte == b'x'));
        // The pieces that held the other lines found no room either.
        assert_eq!(lines.next(), Some("[WARN] Monitor dropped 3 logs during monitor request"));
        assert_eq!(lines.next(), None);
        queue.push(line(1));
        assert_eq!(drained(&mut queue), "1\n");
    }

    #[test]
    fn who_comes_in_the_middle_of_a_line_begins_with_the_next_one() {
        let mut pieces = said(&format!("{}\n1\n", "x".repeat(200 << 10))).into_iter();
        pieces.next();
        let mut queue = Queue::new(Form::Plain);
        for piece in pieces.chain([line(2)]) {
            queue.push(piece);
        }
        let seen = drained(&mut queue);
        assert!(!seen.contains('x') && seen.ends_with("2\n"), "{seen}");
    }
}
