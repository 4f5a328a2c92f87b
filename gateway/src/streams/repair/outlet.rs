//! What the caller gets: frames in the form that was asked for.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Decoder, Frame, Position, StreamFrame, View};
use tokio::sync::mpsc;

use crate::streams::Broken;

/// Where the pieces go.
pub(super) type Sink = mpsc::Sender<Bytes>;

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Frames, as Nomad sends them.
    Framed,
    /// Their data.
    Plain,
    /// A frame a line.
    Ndjson,
    /// Server-sent events.
    Events,
}

/// Writes a caller's stream.
#[derive(Debug)]
pub(super) struct Outlet {
    shape: Shape,
    sink: Sink,
}

impl Outlet {
    pub(super) const fn new(shape: Shape, sink: Sink) -> Self {
        Self { shape, sink }
    }

    /// A frame as it came; `position` is where its data is from, if it is from anywhere.
    ///
    /// # Errors
    /// [`Broken`] when its data is not base64, or the caller has gone.
    pub(super) async fn frame(
        &self,
        frame: &Frame<'_>,
        position: Option<Position<'_>>,
    ) -> Result<(), Broken> {
        let mut out = BytesMut::new();
        let view = match self.shape {
            Shape::Framed => return self.send(frame.to_buf().into_bytes()).await,
            Shape::Plain => View::Plain,
            Shape::Ndjson => View::Ndjson,
            Shape::Events => View::ServerSentEvents,
        };
        // Only what was counted can be gone back to.
        let position = position.filter(|position| !position.claimed);
        view.write(frame, position, &mut out).map_err(|_| Broken)?;
        self.send(out.freeze()).await
    }

    /// The last bytes of a frame, of which the caller has the first `skipped` already.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub(super) async fn tail(
        &self,
        frame: &Frame<'_>,
        position: Position<'_>,
        skipped: usize,
    ) -> Result<(), Broken> {
        let mut data = Vec::new();
        frame.data().decode_into(&mut data).map_err(|_| Broken)?;
        let (file, event) = (frame.file(), frame.event());
        let offset = i64::try_from(position.end).unwrap_or(i64::MAX);
        let data = data.get(skipped..).unwrap_or_default();
        let mut wire = BytesMut::new();
        StreamFrame { file: &file, event: &event, offset, data }.encode(&mut wire);
        let mut decoder = Decoder::default();
        decoder.feed(wire.freeze()).map_err(|_| Broken)?;
        match decoder.next_frame() {
            Ok(Some(frame)) => self.frame(&frame, Some(position)).await,
            Ok(None) | Err(_) => Err(Broken),
        }
    }

    /// A sign of life, where the form has one.
    ///
    /// # Errors
    /// [`Broken`] when the caller has gone.
    pub(super) async fn heartbeat(&self) -> Result<(), Broken> {
        let beat: &'static str = match self.shape {
            Shape::Framed => "{}",
            Shape::Plain => return Ok(()),
            Shape::Ndjson => "{}\n",
            Shape::Events => ":\n\n",
        };
        self.send(Bytes::from_static(beat.as_bytes())).await
    }

    /// The last words of a stream, where Nomad puts the text of an error.
    ///
    /// # Errors
    /// [`Broken`] when the caller has gone.
    pub(super) async fn last_words(&self, text: &str) -> Result<(), Broken> {
        let words = match self.shape {
            Shape::Framed | Shape::Plain => text.to_owned(),
            Shape::Ndjson => format!("{}\n", serde_json::json!({ "Error": text })),
            Shape::Events => {
                let lines = text.lines().map(|line| format!("data: {line}\n"));
                format!("event: error\n{}\n", lines.collect::<String>())
            }
        };
        self.send(words.into()).await
    }

    async fn send(&self, piece: Bytes) -> Result<(), Broken> {
        // An empty chunk would end the transfer.
        if piece.is_empty() {
            return Ok(());
        }
        self.sink.send(piece).await.map_err(|_| Broken)
    }
}
