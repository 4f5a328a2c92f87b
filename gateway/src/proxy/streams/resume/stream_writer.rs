//! Writes frames in the format that the client asked for.

use bytes::{Bytes, BytesMut};
use nomad_frames::{Decoder, Frame, OutputFormat, Position, StreamFrame};
use tokio::sync::mpsc;

use crate::proxy::streams::BrokenStream;

/// Where the pieces go.
pub(super) type ChunkSender = mpsc::Sender<Bytes>;

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientFormat {
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
pub(super) struct StreamWriter {
    format: ClientFormat,
    chunks: ChunkSender,
}

impl StreamWriter {
    pub(super) const fn new(shape: ClientFormat, sink: ChunkSender) -> Self {
        Self { format: shape, chunks: sink }
    }

    /// A frame as it came; `position` is where its data is from, if it is from anywhere.
    ///
    /// # Errors
    /// [`Broken`] when its data is not base64, or the caller has gone.
    pub(super) async fn write_frame(
        &self,
        frame: &Frame<'_>,
        position: Option<Position<'_>>,
    ) -> Result<(), BrokenStream> {
        let mut out = BytesMut::new();
        let view = match self.format {
            ClientFormat::Framed => return self.send(frame.to_buf().into_bytes()).await,
            ClientFormat::Plain => OutputFormat::Plain,
            ClientFormat::Ndjson => OutputFormat::Ndjson,
            ClientFormat::Events => OutputFormat::ServerSentEvents,
        };
        // Only what was counted can be gone back to.
        let position = position.filter(|position| !position.is_unverified);
        view.write(frame, position, &mut out).map_err(|_| BrokenStream)?;
        self.send(out.freeze()).await
    }

    /// The last bytes of a frame, of which the caller has the first `skipped` already.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub(super) async fn write_frame_tail(
        &self,
        frame: &Frame<'_>,
        position: Position<'_>,
        skipped: usize,
    ) -> Result<(), BrokenStream> {
        let mut data = Vec::new();
        frame.data().decode_into(&mut data).map_err(|_| BrokenStream)?;
        let (file, event) = (frame.file(), frame.event());
        let offset = i64::try_from(position.end).unwrap_or(i64::MAX);
        let data = data.get(skipped..).unwrap_or_default();
        let mut wire = BytesMut::new();
        StreamFrame { file: &file, event: &event, offset, data }.encode(&mut wire);
        let mut decoder = Decoder::default();
        decoder.feed(wire.freeze()).map_err(|_| BrokenStream)?;
        match decoder.next_frame() {
            Ok(Some(frame)) => self.write_frame(&frame, Some(position)).await,
            Ok(None) | Err(_) => Err(BrokenStream),
        }
    }

    /// A sign of life, where the form has one.
    ///
    /// # Errors
    /// [`Broken`] when the caller has gone.
    pub(super) async fn write_heartbeat(&self) -> Result<(), BrokenStream> {
        let beat: &'static str = match self.format {
            ClientFormat::Framed => "{}",
            ClientFormat::Plain => return Ok(()),
            ClientFormat::Ndjson => "{}\n",
            ClientFormat::Events => ":\n\n",
        };
        self.send(Bytes::from_static(beat.as_bytes())).await
    }

    /// The last words of a stream, where Nomad puts the text of an error.
    ///
    /// # Errors
    /// [`Broken`] when the caller has gone.
    pub(super) async fn write_error(&self, text: &str) -> Result<(), BrokenStream> {
        let words = match self.format {
            ClientFormat::Framed | ClientFormat::Plain => text.to_owned(),
            ClientFormat::Ndjson => format!("{}\n", serde_json::json!({ "Error": text })),
            ClientFormat::Events => {
                let lines = text.lines().map(|line| format!("data: {line}\n"));
                format!("event: error\n{}\n", lines.collect::<String>())
            }
        };
        self.send(words.into()).await
    }

    async fn send(&self, piece: Bytes) -> Result<(), BrokenStream> {
        // An empty chunk would end the transfer.
        if piece.is_empty() {
            return Ok(());
        }
        self.chunks.send(piece).await.map_err(|_| BrokenStream)
    }
}
