//! One resumed stream, from its first frame to its end.

use std::time::Duration;

use http::StatusCode;
use nomad_frames::{Frame, FrameBuf, Position, Tracker};
use nomad_wire::query::Origin;
use tokio::time::sleep;

use super::{
    subrequest::{BoxedBody, QueryParam, SubrequestClient},
    task_watch::{StreamLife, TaskDeath},
};
use crate::proxy::streams::BrokenStream;
use crate::proxy::streams::resume::{
    frame_source::{FrameSource, SourceEvent, is_framed},
    resume_point::{ResumePoint, log_file_number},
    stream_options::{StreamCall, StreamOptions},
    stream_start::StreamStart,
    stream_writer::{ChunkSender, StreamWriter},
};

/// An agent that restarts is back within this many tries, about half a minute; each that brings something begins the count
/// anew.
const MAX_ATTEMPTS: u32 = 30;

/// The pause before the first try; it doubles up to the longest, in which a heartbeat would have come.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Why a stream ends early.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The transfer breaks.
    Broken,
    /// With these last words, as an agent would say them.
    Message(String),
}

impl From<BrokenStream> for SessionEnd {
    fn from(_: BrokenStream) -> Self {
        Self::Broken
    }
}

/// One repaired stream.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) asking: SubrequestClient,
    pub(super) options: StreamOptions,
    pub(super) writer: StreamWriter,
    /// What the caller has; nothing before the first byte.
    pub(super) resume_point: Option<ResumePoint>,
    /// The agent was asked anew, and has not yet said anything that the caller does not have.
    is_reopened: bool,
    /// Tries since something came.
    attempts: u32,
}

/// Writes the stream that `body` begins.
///
/// # Errors
/// [`Broken`] when the transfer must break.
pub(super) async fn run(
    subrequests: SubrequestClient,
    wish: StreamOptions,
    start: StreamStart,
    body: BoxedBody,
    (death, sink): (Option<TaskDeath>, ChunkSender),
) -> Result<(), BrokenStream> {
    let StreamStart { tracker, resume_point: place, .. } = start;
    let begins_in = place.as_ref().map(|place| place.file.clone());
    let source = FrameSource::new(body, tracker).with_first_file(begins_in);
    let outlet = StreamWriter::new(wish.format, sink);
    let has_jumped = wish.resume_point.is_some();
    let mut session = Session {
        asking: subrequests,
        options: wish,
        writer: outlet,
        resume_point: place,
        is_reopened: has_jumped,
        attempts: 0,
    };
    match session.copy_frames(source, StreamLife::new(death)).await {
        Ok(()) => Ok(()),
        Err(SessionEnd::Message(text)) => session.writer.write_error(&text).await,
        Err(SessionEnd::Broken) => Err(BrokenStream),
    }
}

impl Session {
    async fn copy_frames(
        &mut self,
        mut source: FrameSource,
        mut life: StreamLife,
    ) -> Result<(), SessionEnd> {
        loop {
            let next = tokio::select! {
                biased;
                next = source.next() => next,
                () = life.ended() => return self.read_to_end().await,
            };
            match next {
                SourceEvent::Frame(frame) => {
                    if !frame.as_frame().data().is_empty() {
                        life.record_data();
                    }
                    self.write_unseen(&frame, &mut source).await?;
                }
                SourceEvent::Message(text) => {
                    self.backfill_if_reopened().await?;
                    return Err(SessionEnd::Message(text));
                }
                SourceEvent::End if !self.is_premature_end() => {
                    return self.backfill_if_reopened().await;
                }
                SourceEvent::End | SourceEvent::Broken => source = self.reopen().await?,
            }
        }
    }

    /// A log that is followed has no end, and a file none before it is deleted: the connection behind a server was lost.
    fn is_premature_end(&self) -> bool {
        let is_deleted = match (&self.options.call, &self.resume_point) {
            (StreamCall::File { .. }, Some(place)) => place.next_byte == 0 && !place.is_exact,
            _ => false,
        };
        self.options.resume && self.options.call.follows() && !is_deleted
    }

    /// Sends what of a frame the caller does not have, and first what is missing before it.
    async fn write_unseen(
        &mut self,
        frame: &FrameBuf,
        source: &mut FrameSource,
    ) -> Result<(), SessionEnd> {
        let frame = frame.as_frame();
        if frame.file_bytes().is_empty() {
            self.writer.write_frame(&frame, None).await?;
            return self.backfill_if_reopened().await;
        }
        let position = source.position_of(&frame);
        if frame.event().is_empty() {
            if self.is_already_sent(&frame.file()) {
                return Ok(());
            }
            self.backfill_before(&frame.file()).await?;
            return self.write_data(&frame, position).await;
        }
        // Deleted or truncated: whatever comes next of this file begins anew.
        let is_sure = !position.is_unverified && frame.event() != "file deleted";
        self.resume_point = Some(ResumePoint {
            file: frame.file().into_owned(),
            next_byte: position.end,
            is_exact: is_sure,
        });
        Ok(self.writer.write_frame(&frame, Some(position)).await?)
    }

    /// An agent that was asked anew and says nothing may have begun a file in which nothing is.
    async fn backfill_if_reopened(&mut self) -> Result<(), SessionEnd> {
        if std::mem::take(&mut self.is_reopened) { self.backfill_rest().await } else { Ok(()) }
    }

    /// Whether the caller has all of a file and more: the agent comes to what was read behind its back.
    fn is_already_sent(&self, file: &str) -> bool {
        let StreamCall::Logs { stem, .. } = &self.options.call else { return false };
        let place = self.resume_point.as_ref().filter(|place| place.is_exact && !self.is_reopened);
        let had = place.and_then(|place| log_file_number(stem, &place.file));
        self.options.is_exactly_once()
            && log_file_number(stem, file).zip(had).is_some_and(|(file, had)| file < had)
    }

    /// Sends what is missing between the caller's place and the beginning of `file`.
    async fn backfill_before(&mut self, file: &str) -> Result<(), SessionEnd> {
        let StreamCall::Logs { stem, .. } = &self.options.call else { return Ok(()) };
        let Some(place) = &self.resume_point else { return Ok(()) };
        if place.file == file
            || !place.is_exact
            || !(self.is_reopened || self.options.repair_rotation)
        {
            return Ok(());
        }
        match (log_file_number(stem, &place.file), log_file_number(stem, file)) {
            (Some(from), Some(to)) if from < to => {
                let next = place.next_byte;
                self.backfill((from, next), Some(to)).await
            }
            // Files never come back by themselves: the log was begun anew.
            (Some(_), Some(_)) if self.is_reopened => Err(file_removed(&place.file)),
            _ => Ok(()),
        }
    }

    /// Sends the data of a frame without the bytes that the caller has.
    pub(super) async fn write_data(
        &mut self,
        frame: &Frame<'_>,
        position: Position<'_>,
    ) -> Result<(), SessionEnd> {
        let len = frame.data().decoded_len();
        let had = match &self.resume_point {
            Some(place)
                if place.is_exact && !position.is_unverified && place.file == frame.file() =>
            {
                place.next_byte.saturating_sub(position.start)
            }
            _ => 0,
        };
        let had = usize::try_from(had).unwrap_or(len).min(len);
        if len > 0 {
            if had == len {
                return Ok(());
            }
            (self.is_reopened, self.attempts) = (false, 0);
            let (file, is_sure) = (frame.file().into_owned(), !position.is_unverified);
            self.resume_point =
                Some(ResumePoint { file, next_byte: position.end, is_exact: is_sure });
        }
        match had {
            0 => self.writer.write_frame(frame, Some(position)).await?,
            had => self.writer.write_frame_tail(frame, position, had).await?,
        }
        Ok(())
    }

    /// Asks the agent to go on from the caller's place.
    async fn reopen(&mut self) -> Result<FrameSource, SessionEnd> {
        if !self.options.resume {
            return Err(SessionEnd::Broken);
        }
        if let Some(place) = self.resume_point.as_ref().filter(|place| !place.is_exact) {
            let file = &place.file;
            return Err(SessionEnd::Message(format!(
                "the connection to the agent broke, and the position in {file} is not known"
            )));
        }
        while self.attempts < MAX_ATTEMPTS {
            let pause = INITIAL_BACKOFF.saturating_mul(1 << self.attempts.min(8)).min(MAX_BACKOFF);
            self.attempts += 1;
            sleep(pause).await;
            self.writer.write_heartbeat().await?;
            match self.request_again(self.options.call.follows()).await {
                Ok(source) => {
                    self.is_reopened = true;
                    return Ok(source);
                }
                Err(Some(StatusCode::FORBIDDEN)) => return Err(SessionEnd::Broken),
                Err(Some(StatusCode::BAD_REQUEST)) => {
                    let StreamCall::File { path, .. } = &self.options.call else { continue };
                    return Err(file_removed(path));
                }
                Err(_) => {}
            }
        }
        Err(SessionEnd::Broken)
    }

    /// All that is there by now, once the task is dead and its log has been quiet.
    async fn read_to_end(&mut self) -> Result<(), SessionEnd> {
        if self.resume_point.as_ref().is_some_and(|place| !place.is_exact) {
            return Ok(());
        }
        // An agent that has forgotten the allocation has nothing more to say.
        let Ok(mut source) = self.request_again(false).await else { return Ok(()) };
        self.is_reopened = true;
        loop {
            match source.next().await {
                SourceEvent::Frame(frame) => self.write_unseen(&frame, &mut source).await?,
                SourceEvent::End | SourceEvent::Message(_) => {
                    return self.backfill_if_reopened().await;
                }
                SourceEvent::Broken => return Err(SessionEnd::Broken),
            }
        }
    }

    /// The stream again: a log from the first byte of its newest file, a file from the caller's place. What a caller got
    /// nothing of begins as it was asked for.
    async fn request_again(&mut self, follow: bool) -> Result<FrameSource, Option<StatusCode>> {
        let follow = if follow { "true" } else { "false" };
        let (path, mut parameters, begin): (String, Vec<QueryParam<'_>>, _) =
            match &self.options.call {
                StreamCall::Logs { allocation, task, stem, .. } => {
                    let kind = if stem.ends_with("stderr.") { "stderr" } else { "stdout" };
                    let path = format!("/v1/client/fs/logs/{allocation}");
                    (path, vec![("task", task), ("type", kind)], 0)
                }
                StreamCall::File { allocation, path, .. } => {
                    let next = self.resume_point.as_ref().map_or(0, |place| place.next_byte);
                    (format!("/v1/client/fs/stream/{allocation}"), vec![("path", path)], next)
                }
                StreamCall::Monitor => return Err(None),
            };
        let (origin, offset, tracker) = self.reopen_position(begin);
        parameters.extend([("follow", follow), ("origin", origin), ("offset", &offset)]);
        let answer = self.asking.send(&path, &parameters).await.ok_or(None)?;
        if !is_framed(&answer) {
            return Err(Some(answer.status()));
        }
        Ok(FrameSource::new(answer.into_body(), tracker))
    }

    /// The origin and the offset to ask for, and where the answer begins then.
    fn reopen_position(&self, begin: u64) -> (&'static str, String, Tracker) {
        match (&self.resume_point, &self.options.call) {
            (Some(_), StreamCall::Logs { .. }) => {
                ("end", "0".to_owned(), Tracker::from_position(0))
            }
            (Some(_), _) => ("start", begin.to_string(), Tracker::from_position(begin)),
            (
                None,
                StreamCall::Logs { origin, offset, .. } | StreamCall::File { origin, offset, .. },
            ) => {
                let tracker = match (origin, u64::try_from(*offset)) {
                    (Origin::Start, Ok(offset)) if self.is_file() => Tracker::from_position(offset),
                    (_, Ok(0)) if !self.is_file() => Tracker::from_position(0),
                    _ => Tracker::from_unknown_position(),
                };
                let origin = if *origin == Origin::Start { "start" } else { "end" };
                (origin, offset.to_string(), tracker)
            }
            (None, StreamCall::Monitor) => {
                ("start", "0".to_owned(), Tracker::from_unknown_position())
            }
        }
    }

    const fn is_file(&self) -> bool {
        matches!(self.options.call, StreamCall::File { .. })
    }
}

/// What a caller is told who cannot have all of a file any more.
pub(super) fn file_removed(file: &str) -> SessionEnd {
    SessionEnd::Message(format!("{file} was removed before it was read to its end"))
}
