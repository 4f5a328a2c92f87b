//! From what is read to what is sent: the framer joined to a clock and to the body.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Framer, FramerConfig, StreamFrame};
use tokio::time::Instant;

use crate::body::ChunkSender;

/// Writes one stream: frames, or their bytes alone.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    framer: Framer,
    format: StreamFormat,
    to: ChunkSender,
    started: Instant,
    /// Frames that were cut and not yet sent.
    ready: Vec<Bytes>,
}

/// What of a frame is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// The frame as JSON, heartbeats included.
    Framed,
    /// Its data; whatever has none is not sent.
    Plain,
}

impl StreamFormat {
    /// As the parameter `plain` says.
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
    /// A stream that begins now.
    pub(crate) fn new(config: FramerConfig, form: StreamFormat, to: ChunkSender) -> Self {
        Self {
            framer: Framer::new(config),
            format: form,
            to,
            started: Instant::now(),
            ready: Vec::new(),
        }
    }

    /// Takes what one read gave, and sends the frames that it fills.
    pub(crate) async fn send(&mut self, file: &str, event: &str, data: &[u8], offset_after: i64) {
        let Self { framer, format: form, ready: cut, started, .. } = self;
        let mut sink = |frame: StreamFrame<'_>| cut.push(form.encode(frame));
        framer.tick(started.elapsed(), &mut sink);
        framer.send(file, event, data, offset_after, &mut sink);
        self.flush().await;
    }

    /// Sends what is due by now.
    pub(crate) async fn tick(&mut self) {
        let Self { framer, format: form, ready: cut, started, .. } = self;
        framer.tick(started.elapsed(), &mut |frame| cut.push(form.encode(frame)));
        self.flush().await;
    }

    /// When [`tick`](Self::tick) is next due.
    pub(crate) fn deadline(&self) -> Instant {
        self.started + self.framer.deadline()
    }

    /// Sends what still waits.
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
