//! Writes lines to a file, a pipe or a terminal that may be slow.
//!
//! Whoever has a line hands it over and goes on. A thread of its own writes, so that a reader who has stopped (a full
//! pipe, a full disk) stops that thread and nobody else. What finds no room is lost, and so is what cannot be written; it is
//! counted, and said as soon as lines move again. A line that was written by half is finished first.

mod writer_thread;

#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// So many bytes may wait, however few lines they are: one line can be as long as the path of a request.
pub(crate) const MAX_QUEUED_BYTES: usize = 16 << 20;

/// Whoever cannot take the last lines within this time keeps nobody from ending.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// How often a flush looks whether everything is written; only ends of programs wait for it.
const FLUSH_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What the writing thread says about itself.
pub(crate) trait WriterEvents: Send + 'static {
    /// Nothing can be written. It is called once, until something can be written again.
    fn write_failed(&mut self, error: &io::Error);

    /// So many lines were lost, and lines move again. What is returned is written in their place.
    fn write_resumed(&mut self, lost: u64) -> Option<Vec<u8>>;
}

/// A bounded queue of lines, and the thread that writes them. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct LineWriter {
    queue: SyncSender<Vec<u8>>,
    counters: Arc<WriterCounters>,
}

#[derive(Debug, Default)]
struct WriterCounters {
    /// Bytes that were handed over and are neither written nor lost.
    queued_bytes: AtomicUsize,
    lines_lost: AtomicU64,
}

impl LineWriter {
    /// Starts the thread. At most `room` lines wait, and [`MAX_BYTES`].
    pub(crate) fn start(
        name: &str,
        room: usize,
        out: impl Write + Send + 'static,
        report: impl WriterEvents,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(room);
        let counts = Arc::<WriterCounters>::default();
        let writer = writer_thread::WriterThread::new(out, report, Arc::clone(&counts));
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.run(&waiting))?;
        Ok(Self { queue, counters: counts })
    }

    /// Hands a line over, with its newline. It never waits: without room the line is lost.
    pub(crate) fn write(&self, line: Vec<u8>) {
        let length = line.len();
        let waiting = self.counters.queued_bytes.fetch_add(length, Ordering::Relaxed);
        if waiting.saturating_add(length) > MAX_QUEUED_BYTES || self.queue.try_send(line).is_err() {
            self.counters.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            self.counters.lines_lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were lost so far.
    pub(crate) fn lines_lost(&self) -> u64 {
        self.counters.lines_lost.load(Ordering::Relaxed)
    }

    /// Waits until everything that was handed over is written, but no longer than [`FLUSH_TIMEOUT`].
    pub(crate) async fn flush(&self) {
        let written = async {
            while !self.is_flushed() {
                tokio::time::sleep(FLUSH_POLL_INTERVAL).await;
            }
        };
        // Who does not read has lost it.
        drop(tokio::time::timeout(FLUSH_TIMEOUT, written).await);
    }

    /// The same where there is no runtime.
    pub(crate) fn flush_blocking(&self) {
        let since = Instant::now();
        while !self.is_flushed() && since.elapsed() < FLUSH_TIMEOUT {
            thread::sleep(FLUSH_POLL_INTERVAL);
        }
    }

    fn is_flushed(&self) -> bool {
        self.counters.queued_bytes.load(Ordering::Acquire) == 0
    }
}
