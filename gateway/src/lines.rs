//! Lines on their way to whoever may be slow to take them: a file, a pipe, a terminal.
//!
//! Whoever has a line hands it over and goes on. A thread of its own writes, so that a reader who has stopped (a full
//! pipe, a full disk) stops that thread and nobody else. What finds no room is lost, and so is what cannot be written; it is
//! counted, and said as soon as lines move again. A line that was written by half is finished first.

mod writer;

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
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// Whoever cannot take the last lines within this time keeps nobody from ending.
pub(crate) const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// How often a flush looks whether everything is written; only ends of programs wait for it.
const FLUSH_LOOK: Duration = Duration::from_millis(2);

/// What the writing thread says about itself.
pub(crate) trait Report: Send + 'static {
    /// Nothing can be written. It is called once, until something can be written again.
    fn failed(&mut self, error: &io::Error);

    /// So many lines were lost, and lines move again. What is returned is written in their place.
    fn resumed(&mut self, lost: u64) -> Option<Vec<u8>>;
}

/// A bounded queue of lines, and the thread that writes them. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    queue: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes that were handed over and are neither written nor lost.
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Lines {
    /// Starts the thread. At most `room` lines wait, and [`MAX_BYTES`].
    pub(crate) fn start(
        name: &str,
        room: usize,
        out: impl Write + Send + 'static,
        report: impl Report,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(room);
        let counts = Arc::<Counts>::default();
        let writer = writer::Writer::new(out, report, Arc::clone(&counts));
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.run(&waiting))?;
        Ok(Self { queue, counts })
    }

    /// Hands a line over, with its newline. It never waits: without room the line is lost.
    pub(crate) fn write(&self, line: Vec<u8>) {
        let length = line.len();
        let waiting = self.counts.waiting.fetch_add(length, Ordering::Relaxed);
        if waiting.saturating_add(length) > MAX_BYTES || self.queue.try_send(line).is_err() {
            self.counts.waiting.fetch_sub(length, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything that was handed over is written, but no longer than [`FLUSH_LIMIT`].
    pub(crate) async fn flush(&self) {
        let written = async {
            while !self.is_written() {
                tokio::time::sleep(FLUSH_LOOK).await;
            }
        };
        // Who does not read has lost it.
        drop(tokio::time::timeout(FLUSH_LIMIT, written).await);
    }

    /// The same where there is no runtime.
    pub(crate) fn flush_blocking(&self) {
        let since = Instant::now();
        while !self.is_written() && since.elapsed() < FLUSH_LIMIT {
            thread::sleep(FLUSH_LOOK);
        }
    }

    fn is_written(&self) -> bool {
        self.counts.waiting.load(Ordering::Acquire) == 0
    }
}
