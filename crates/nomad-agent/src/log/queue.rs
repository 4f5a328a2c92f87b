//! The bounded queue between an agent's log and one receiver.

use std::{collections::VecDeque, sync::Arc};

use super::line::LogLine;

/// Lines queued for one receiver before lines are dropped.
///
/// Nomad's own number for a monitor. A line is a few hundred bytes, so a receiver that stopped reading costs its
/// agent some 100 KiB at most.
pub const LOG_QUEUE_CAPACITY: usize = 512;

/// What a receiver reads.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "a reader must treat a notice, or it hides lost lines")]
pub enum LogEntry {
    /// A line of the log.
    Line(Arc<LogLine>),
    /// Number of lines dropped since the last notice.
    Dropped(u64),
}

/// A queue that prefers old lines to new ones, and a notice to either.
#[derive(Debug)]
pub(crate) struct LineQueue {
    entries: VecDeque<LogEntry>,
    capacity: usize,
    dropped: u64,
}

impl LineQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity, dropped: 0 }
    }

    /// Queues a line, or counts it as dropped when the queue is full.
    pub(crate) fn push(&mut self, line: Arc<LogLine>) {
        if self.entries.len() < self.capacity {
            self.entries.push_back(LogEntry::Line(line));
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<LogEntry> {
        self.entries.pop_front()
    }

    /// Queues a notice if lines were dropped, and resets the count.
    ///
    /// A full queue drops its oldest line for the notice; that line is counted in it. Returns whether there was
    /// anything to report.
    pub(crate) fn push_notice(&mut self) -> bool {
        if self.dropped == 0 {
            return false;
        }
        if self.entries.len() >= self.capacity {
            self.dropped += match self.entries.pop_front() {
                Some(LogEntry::Line(_)) => 1,
                // Two notices become one, so no count is lost.
                Some(LogEntry::Dropped(earlier)) => earlier,
                None => 0,
            };
        }
        self.entries.push_back(LogEntry::Dropped(std::mem::take(&mut self.dropped)));
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_queue_counts_and_reports_with_the_line_it_gave_up() {
        let mut queue = LineQueue::new(2);
        for _ in 0..5 {
            queue.push(Arc::new(LogLine::plain("x")));
        }
        assert!(queue.push_notice());
        assert!(!queue.push_notice());
        assert!(matches!(queue.pop(), Some(LogEntry::Line(_))));
        assert!(matches!(queue.pop(), Some(LogEntry::Dropped(4))));
        assert!(queue.pop().is_none());
    }

    proptest! {
        // In any order of events every line is read or counted, and memory is bounded.
        #[test]
        fn nothing_is_lost_without_being_counted(steps in prop::collection::vec(0u8..4, 0..200)) {
            let mut queue = LineQueue::new(3);
            let (mut pushed, mut seen) = (0u64, 0u64);
            let mut take = |entry: Option<LogEntry>| match entry {
                Some(LogEntry::Line(_)) => seen += 1,
                Some(LogEntry::Dropped(count)) => seen += count,
                None => {}
            };
            for step in steps {
                match step {
                    0 | 1 => { queue.push(Arc::new(LogLine::plain("x"))); pushed += 1; }
                    2 => take(queue.pop()),
                    _ => { queue.push_notice(); }
                }
                prop_assert!(queue.entries.len() <= 3);
            }
            while let Some(entry) = queue.pop() { take(Some(entry)); }
            queue.push_notice();
            take(queue.pop());
            prop_assert_eq!(pushed, seen);
        }
    }
}
