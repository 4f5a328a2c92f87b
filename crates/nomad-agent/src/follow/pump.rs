//! From the steps of a machine to the payloads of a body.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nomad_frames::{Framer, FramerConfig, StreamFrame};
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::{Follow, Step, StreamError};

/// How often a file is looked at that had nothing new. Together with the batch window of 200 ms a byte is on its way a
/// quarter of a second after it was written; Nomad, which looks every 250 ms, takes almost twice as long.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// How payloads look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON frames, with heartbeats.
    Framed,
    /// The bytes of the file and nothing else.
    Plain,
}

/// Takes steps until the stream is over or nobody wants it any more.
///
/// # Cancel safety
/// Can be dropped at any time; the file is closed with it.
pub(crate) async fn pump(mut follow: impl Follow, form: Form, out: Sender<Result<Bytes, StreamError>>) {
    let mut frames = Frames::new(form);
    loop {
        frames.tick();
        let Ok((returned, step)) = spawn_blocking(move || with_step(follow)).await else {
            // The runtime is going down, and the body with it.
            return;
        };
        follow = returned;
        let idle = matches!(step, Ok(Step::Wait));
        match step {
            Ok(Step::Read(chunk)) => frames.read(&chunk),
            Ok(Step::Wait) => {}
            Ok(Step::End) => return frames.last(&out).await,
            Err(error) => {
                frames.last(&out).await;
                // Nobody is there to be told when this fails.
                return drop(out.send(Err(error)).await);
            }
        }
        if !frames.pass_on(&out).await {
            return;
        }
        if idle {
            tokio::select! {
                biased;
                () = out.closed() => return,
                () = sleep_until(frames.next(POLL)) => {}
            }
        }
    }
}

fn with_step<F: Follow>(mut follow: F) -> (F, Result<Step, StreamError>) {
    let step = follow.step();
    (follow, step)
}

/// The framer, the clock it lacks, and what has come out of it.
#[derive(Debug)]
struct Frames {
    form: Form,
    began: Instant,
    framer: Framer,
    ready: Vec<Bytes>,
}

impl Frames {
    fn new(form: Form) -> Self {
        let framer = Framer::new(FramerConfig::default());
        Self { form, began: Instant::now(), framer, ready: Vec::new() }
    }

    fn tick(&mut self) {
        let now = self.began.elapsed();
        self.framer.tick(now, &mut |frame| self.form.put(frame, &mut self.ready));
    }

    fn read(&mut self, chunk: &super::Chunk) {
        self.tick();
        let position = i64::try_from(chunk.position).unwrap_or(i64::MAX);
        let mut sink = |frame: StreamFrame<'_>| self.form.put(frame, &mut self.ready);
        self.framer.send(&chunk.file, chunk.event, &chunk.data, position, &mut sink);
    }

    /// When to look again: after `poll`, or before, if something is due.
    fn next(&self, poll: Duration) -> Instant {
        let due = self.began.checked_add(self.framer.deadline());
        let poll = Instant::now() + poll;
        due.map_or(poll, |due| due.min(poll))
    }

    async fn last(&mut self, out: &Sender<Result<Bytes, StreamError>>) {
        self.framer.finish(&mut |frame| self.form.put(frame, &mut self.ready));
        self.pass_on(out).await;
    }

    /// Hands on what is ready, one payload for each frame; false if nobody takes it any more.
    async fn pass_on(&mut self, out: &Sender<Result<Bytes, StreamError>>) -> bool {
        for payload in self.ready.drain(..) {
            if out.send(Ok(payload)).await.is_err() {
                return false;
            }
        }
        true
    }
}

impl Form {
    fn put(self, frame: StreamFrame<'_>, ready: &mut Vec<Bytes>) {
        match self {
            Self::Framed => {
                let mut encoded = BytesMut::new();
                frame.encode(&mut encoded);
                ready.push(encoded.freeze());
            }
            Self::Plain if frame.data.is_empty() => {}
            Self::Plain => ready.push(Bytes::copy_from_slice(frame.data)),
        }
    }
}

#[cfg(test)]
mod tests;
