//! From what is read to what is sent: the framer joined to a clock and to the body.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Framer, FramerConfig, StreamFrame};
use tokio::time::Instant;

use crate::body::Chunks;

/// Writes one stream: frames, or their bytes alone.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    framer: Framer,
    form: Form,
    to: Chunks,
    started: Instant,
    /// Frames that were cut and not yet sent.
    cut: Vec<Bytes>,
}

/// What of a frame is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The frame as JSON, heartbeats included.
    Framed,
    /// Its data; whatever has none is not sent.
    Plain,
}

impl Form {
    /// As the parameter `plain` says.
    pub(crate) const fn plain(plain: bool) -> Self {
        if plain { Self::Plain } else { Self::Framed }
    }

    fn bytes(self, frame: StreamFrame<'_>) -> Bytes {
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
    pub(crate) fn new(config: FramerConfig, form: Form, to: Chunks) -> Self {
        Self { framer: Framer::new(config), form, to, started: Instant::now(), cut: Vec::new() }
    }

    /// Takes what one read gave, and sends the frames that it fills.
    pub(crate) async fn send(&mut self, file: &str, event: &str, data: &[u8], offset_after: i64) {
        let Self { framer, form, cut, started, .. } = self;
        let mut sink = |frame: StreamFrame<'_>| cut.push(form.bytes(frame));
        framer.tick(started.elapsed(), &mut sink);
        framer.send(file, event, data, offset_after, &mut sink);
        self.deliver().await;
    }

    /// Sends what is due by now.
    pub(crate) async fn tick(&mut self) {
        let Self { framer, form, cut, started, .. } = self;
        framer.tick(started.elapsed(), &mut |frame| cut.push(form.bytes(frame)));
        self.deliver().await;
    }

    /// When [`tick`](Self::tick) is next due.
    pub(crate) fn due(&self) -> Instant {
        self.started + self.framer.deadline()
    }

    /// Sends what still waits.
    pub(crate) async fn finish(mut self) {
        let Self { framer, form, cut, .. } = &mut self;
        framer.finish(&mut |frame| cut.push(form.bytes(frame)));
        self.deliver().await;
    }

    async fn deliver(&mut self) {
        for chunk in self.cut.drain(..) {
            self.to.send(chunk).await;
        }
    }
}
