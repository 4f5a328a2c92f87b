//! The thread that writes.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
    thread,
    time::{Duration, Instant},
};

use super::{WriterCounters, WriterEvents};

/// Lines that wait are written together, up to so many bytes: a pipe holds as much.
const MAX_BATCH: usize = 64 << 10;

/// A terminal or pipe that was set not to block (by whoever shares it) is tried again after this time.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(20);

/// Losses are told at most this often: a reader who is always too slow should not read about that alone.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

pub(super) struct WriterThread<W, R> {
    out: W,
    events: R,
    counters: Arc<WriterCounters>,
    /// The end of a line whose beginning is written already.
    unfinished_line: Vec<u8>,
    is_failing: bool,
    reported: u64,
    reported_at: Option<Instant>,
}

impl<W: Write, R: WriterEvents> WriterThread<W, R> {
    pub(super) const fn new(out: W, report: R, counts: Arc<WriterCounters>) -> Self {
        let rest = Vec::new();
        Self {
            out,
            events: report,
            counters: counts,
            unfinished_line: rest,
            is_failing: false,
            reported: 0,
            reported_at: None,
        }
    }

    /// Writes what comes. Ends when nobody can hand anything over any more.
    pub(super) fn run(mut self, queue: &Receiver<Vec<u8>>) {
        while let Ok(first) = queue.recv() {
            let mut batch = Batch::default();
            batch.push(&first);
            while batch.bytes.len() < MAX_BATCH {
                let Ok(line) = queue.try_recv() else { break };
                batch.push(&line);
            }
            let taken = batch.bytes.len();
            self.write(&batch);
            self.report_losses();
            self.counters.queued_bytes.fetch_sub(taken, Ordering::Release);
        }
    }

    /// Writes whole lines, or counts those that are lost. Only of one line a part can have gone out, and its rest is kept.
    fn write(&mut self, batch: &Batch) {
        let rest = mem::take(&mut self.unfinished_line);
        if let Err((_, error)) = write_counted(&mut self.out, &rest).map_err(|(at, error)| {
            self.unfinished_line = rest.get(at..).unwrap_or_default().to_vec();
            (at, error)
        }) {
            return self.record_failure(&error, batch.ends.len());
        }
        let Err((at, error)) = write_counted(&mut self.out, &batch.bytes) else {
            self.is_failing = false;
            return;
        };
        let begin = batch.ends.iter().copied().take_while(|end| *end <= at).last().unwrap_or(0);
        let mut later = batch.ends.iter().copied().filter(|end| *end > at);
        if at > begin {
            let end = later.next().unwrap_or(at);
            self.unfinished_line = batch.bytes.get(at..end).unwrap_or_default().to_vec();
        }
        let lost = later.count();
        self.record_failure(&error, lost);
    }

    fn record_failure(&mut self, error: &io::Error, lost: usize) {
        self.counters.lines_lost.fetch_add(lost as u64, Ordering::Relaxed);
        if !mem::replace(&mut self.is_failing, true) {
            self.events.write_failed(error);
        }
    }

    /// Says what was lost, once lines move again.
    fn report_losses(&mut self) {
        let lost = self.counters.lines_lost.load(Ordering::Relaxed);
        let is_early = self.reported_at.is_some_and(|told_at| told_at.elapsed() < REPORT_INTERVAL);
        if self.is_failing || lost == self.reported || is_early {
            return;
        }
        let since_then = lost - self.reported;
        (self.reported, self.reported_at) = (lost, Some(Instant::now()));
        if let Some(line) = self.events.write_resumed(since_then) {
            let mut batch = Batch::default();
            batch.push(&line);
            self.write(&batch);
        }
    }
}

/// Lines that are written together.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }
}

/// Writes all of it, or says how much was written.
fn write_counted(out: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut at = 0;
    while let Some(left) = bytes.get(at..).filter(|left| !left.is_empty()) {
        match out.write(left) {
            Ok(0) => return Err((at, ErrorKind::WriteZero.into())),
            Ok(written) => at += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(WOULD_BLOCK_PAUSE),
            Err(error) => return Err((at, error)),
        }
    }
    out.flush().map_err(|error| (at, error))
}
