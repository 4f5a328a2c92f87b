//! One upstream response, as frames with counted positions.

use futures_util::StreamExt as _;
use http::{Response, StatusCode, header::CONTENT_ENCODING};
use nomad_frames::{
    Frame, FrameBuf, FrameError, FrameStream, FrameStreamError, Limits, Position, Tracker,
};

use super::subrequest::BoxedBody;

/// One answer of an agent.
#[derive(Debug)]
pub(super) struct FrameSource {
    frames: FrameStream<BoxedBody>,
    tracker: Tracker,
    /// The file that the tracker's beginning is in, where that is known.
    first_file: Option<String>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum SourceEvent {
    /// A frame.
    Frame(FrameBuf),
    /// The end, between two frames.
    End,
    /// The end, after the text of an error.
    Message(String),
    /// It broke off, or is no stream of frames.
    Broken,
}

/// Whether an answer can be looked into.
pub(super) fn is_framed<R>(answer: &Response<R>) -> bool {
    answer.status() == StatusCode::OK && !answer.headers().contains_key(CONTENT_ENCODING)
}

impl FrameSource {
    /// An answer that begins where the tracker says.
    pub(super) fn new(body: BoxedBody, tracker: Tracker) -> Self {
        Self { frames: FrameStream::new(body, Limits::default()), tracker, first_file: None }
    }

    /// Says in which file it should begin. If that has been rotated away meanwhile, it begins at the first byte of another.
    pub(super) fn with_first_file(mut self, file: Option<String>) -> Self {
        self.first_file = file;
        self
    }

    /// The next frame, or how it ended.
    ///
    /// # Cancel safety
    ///
    /// A frame is taken only when it is returned.
    pub(super) async fn next(&mut self) -> SourceEvent {
        match self.frames.next().await {
            Some(Ok(frame)) => SourceEvent::Frame(frame),
            None => SourceEvent::End,
            Some(Err(FrameStreamError::Frame(FrameError::SenderError { text, .. }))) => {
                SourceEvent::Message(text)
            }
            Some(Err(_)) => SourceEvent::Broken,
        }
    }

    /// Where the data of this frame, the next one, is from.
    pub(super) fn position_of(&mut self, frame: &Frame<'_>) -> Position<'_> {
        if let Some(file) = self.first_file.take()
            && file != frame.file()
        {
            self.tracker = Tracker::from_position(0);
        }
        self.tracker.advance(frame)
    }
}
