//! One answer of an agent, as frames with counted positions.

use futures_util::StreamExt as _;
use http::{Response, StatusCode, header::CONTENT_ENCODING};
use nomad_frames::{Frame, FrameBuf, FrameError, Frames, FramesError, Limits, Position, Tracker};

use super::asking::AnyBody;

/// One answer of an agent.
#[derive(Debug)]
pub(super) struct Source {
    frames: Frames<AnyBody>,
    tracker: Tracker,
    /// The file that the tracker's beginning is in, where that is known.
    begins_in: Option<String>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A frame.
    Frame(FrameBuf),
    /// The end, between two frames.
    End,
    /// The end, after the text of an error.
    Said(String),
    /// It broke off, or is no stream of frames.
    Broke,
}

/// Whether an answer can be looked into.
pub(super) fn is_framed<R>(answer: &Response<R>) -> bool {
    answer.status() == StatusCode::OK && !answer.headers().contains_key(CONTENT_ENCODING)
}

impl Source {
    /// An answer that begins where the tracker says.
    pub(super) fn new(body: AnyBody, tracker: Tracker) -> Self {
        Self { frames: Frames::new(body, Limits::default()), tracker, begins_in: None }
    }

    /// Says in which file it should begin. If that has been rotated away meanwhile, it begins at the first byte of another.
    pub(super) fn beginning_in(mut self, file: Option<String>) -> Self {
        self.begins_in = file;
        self
    }

    /// The next frame, or how it ended.
    ///
    /// # Cancel safety
    ///
    /// A frame is taken only when it is returned.
    pub(super) async fn next(&mut self) -> Next {
        match self.frames.next().await {
            Some(Ok(frame)) => Next::Frame(frame),
            None => Next::End,
            Some(Err(FramesError::Frame(FrameError::Reported { text, .. }))) => Next::Said(text),
            Some(Err(_)) => Next::Broke,
        }
    }

    /// Where the data of this frame, the next one, is from.
    pub(super) fn locate(&mut self, frame: &Frame<'_>) -> Position<'_> {
        if let Some(file) = self.begins_in.take()
            && file != frame.file()
        {
            self.tracker = Tracker::starting_at(0);
        }
        self.tracker.advance(frame)
    }
}
