//! What waits for one caller.

use std::collections::VecDeque;

use super::lines::{Piece, piece};
use crate::streams::form::Form;

/// How many lines wait for a slow caller: as many as at Nomad's own monitor.
pub(super) const MAX_LINES: u64 = 512;

/// And how many bytes, since lines can be long. What waits for several callers is there once.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A bounded queue; what does not fit is counted and told.
#[derive(Debug)]
pub(super) struct Queue {
    form: Form,
    pieces: VecDeque<Piece>,
    lines: u64,
    bytes: usize,
    /// Lines lost since the last notice.
    lost: u64,
}

impl Queue {
    pub(super) const fn new(form: Form) -> Self {
        Self { form, pieces: VecDeque::new(), lines: 0, bytes: 0, lost: 0 }
    }

    /// Takes a piece if there is room. The notice of what was lost stands where it was lost.
    pub(super) fn push(&mut self, piece: Piece) {
        if !self.has_room(&piece) {
            self.lost += piece.lines;
            return;
        }
        // A heartbeat says that the agent is there; waiting bytes say so too.
        if piece.lines == 0 && !self.pieces.is_empty() {
            return;
        }
        if self.lost > 0 {
            let notice = self.notice();
            self.append(notice);
        }
        self.append(piece);
    }

    /// The next piece to send.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        let Some(piece) = self.pieces.pop_front() else {
            return (self.lost > 0).then(|| self.notice());
        };
        self.lines -= piece.lines;
        self.bytes -= piece.wire.len();
        Some(piece)
    }

    /// One piece fits in any case.
    fn has_room(&self, piece: &Piece) -> bool {
        self.pieces.is_empty()
            || (self.lines + piece.lines <= MAX_LINES && self.bytes + piece.wire.len() <= MAX_BYTES)
    }

    fn append(&mut self, piece: Piece) {
        self.lines += piece.lines;
        self.bytes += piece.wire.len();
        self.pieces.push_back(piece);
    }

    /// Plain text without a time, also between JSON lines, as Nomad's is.
    fn notice(&mut self) -> Piece {
        let lost = std::mem::take(&mut self.lost);
        let text = format!("[WARN] Monitor dropped {lost} logs during monitor request\n");
        piece(self.form, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Piece {
        piece(Form::Plain, format!("{number}\n").as_bytes())
    }

    fn drained(queue: &mut Queue) -> String {
        std::iter::from_fn(|| queue.pop())
            .map(|piece| String::from_utf8(piece.wire.to_vec()).unwrap())
            .collect()
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
        let long = Piece { wire: vec![b'x'; MAX_BYTES].into(), lines: 1 };
        queue.push(long.clone());
        queue.push(long.clone());
        queue.push(Piece { wire: "{}".into(), lines: 0 });
        assert_eq!(queue.pop(), Some(long));
        assert_eq!(queue.pop().unwrap().lines, 1);
        assert_eq!(queue.pop(), None);
    }
}
