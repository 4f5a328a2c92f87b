//! Writes a stream: joins the framer to a clock and to the body.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Framer, FramerConfig, StreamFrame};
use tokio::time::Instant;

use crate::body::ChunkSender;

/// Writes one stream: frames, or their data alone.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    framer: Framer,
    format: StreamFormat,
    to: ChunkSender,
    started: Instant,
    /// Frames that are ready to be sent.
    ready: Vec<Bytes>,
}

/// What is sent of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// The frame as JSON, heartbeats included.
    Framed,
    /// Its data; a frame without data is not sent.
    Plain,
}

impl StreamFormat {
    /// The format that the parameter `plain` selects.
    pub(crate) const fn from_plain(plain: bool) -> Self {
        if plain { Self::Plain } else { Self::Framed }
    }

    fn encode(self, frame: StreamFrame<'_>) -> Bytes {
        match self {
            Self::Plain => Bytes::copy_from_slice(frame.data),
            Self::Framed => {
                let mut out = BytesMut::new();
                frame.encode(&mut out);
                out.freeze()
            }
        }
    }
}

impl FrameWriter {
    /// A stream that starts now.
    pub(crate) fn new(config: FramerConfig, form: StreamFormat, to: ChunkSender) -> Self {
        Self {
            framer: Framer::new(config),
            format: form,
            to,
            started: Instant::now(),
            ready: Vec::new(),
        }
    }

    /// Takes the bytes of one read, and sends the frames that it fills.
    pub(crate) async fn send(&mut self, file: &str, event: &str, data: &[u8], offset_after: i64) {
        let Self { framer, format: form, ready: cut, started, .. } = self;
        let mut sink = |frame: StreamFrame<'_>| cut.push(form.encode(frame));
        framer.tick(started.elapsed(), &mut sink);
        framer.send(file, event, data, offset_after, &mut sink);
        self.flush().await;
    }

    /// Sends what is due.
    pub(crate) async fn tick(&mut self) {
        let Self { framer, format: form, ready: cut, started, .. } = self;
        framer.tick(started.elapsed(), &mut |frame| cut.push(form.encode(frame)));
        self.flush().await;
    }

    /// When [`tick`](Self::tick) is next due.
    pub(crate) fn deadline(&self) -> Instant {
        self.started + self.framer.deadline()
    }

    /// Sends what is still queued.
    pub(crate) async fn finish(mut self) {
        let Self { framer, format: form, ready: cut, .. } = &mut self;
        framer.finish(&mut |frame| cut.push(form.encode(frame)));
        self.flush().await;
    }

    async fn flush(&mut self) {
        for chunk in self.ready.drain(..) {
            self.to.send(chunk).await;
        }
    }
}
