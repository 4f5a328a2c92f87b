//! One repaired stream, from its first frame to its end.

use std::time::Duration;

use http::StatusCode;
use nomad_frames::{Frame, FrameBuf, Position, Tracker};
use nomad_wire::query::Origin;
use tokio::time::sleep;

use super::{
    asking::{AnyBody, Asking, Parameter},
    death::{Death, Life},
    outlet::{Outlet, Sink},
    place::{Place, number},
    source::{Next, Source, is_framed},
    start::Start,
    wish::{Call, Wish},
};
use crate::streams::Broken;

/// An agent that restarts is back within this many tries, about half a minute; each that brings something begins the count
/// anew.
const TRIES: u32 = 30;

/// The pause before the first try; it doubles up to the longest, in which a heartbeat would have come.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a stream ends early.
#[derive(Debug)]
pub(super) enum Halt {
    /// The transfer breaks.
    Broken,
    /// With these last words, as an agent would say them.
    Said(String),
}

impl From<Broken> for Halt {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// One repaired stream.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) asking: Asking,
    pub(super) wish: Wish,
    pub(super) outlet: Outlet,
    /// What the caller has; nothing before the first byte.
    pub(super) place: Option<Place>,
    /// The agent was asked anew, and has not yet said anything that the caller does not have.
    has_jumped: bool,
    /// Tries since something came.
    tries: u32,
}

/// Writes the stream that `body` begins.
///
/// # Errors
/// [`Broken`] when the transfer must break.
pub(super) async fn run(
    asking: Asking,
    wish: Wish,
    start: Start,
    body: AnyBody,
    (death, sink): (Option<Death>, Sink),
) -> Result<(), Broken> {
    let Start { tracker, place, .. } = start;
    let begins_in = place.as_ref().map(|place| place.file.clone());
    let source = Source::new(body, tracker).beginning_in(begins_in);
    let outlet = Outlet::new(wish.shape, sink);
    let has_jumped = wish.after.is_some();
    let mut session = Session { asking, wish, outlet, place, has_jumped, tries: 0 };
    match session.relay(source, Life::new(death)).await {
        Ok(()) => Ok(()),
        Err(Halt::Said(text)) => session.outlet.last_words(&text).await,
        Err(Halt::Broken) => Err(Broken),
    }
}

impl Session {
    async fn relay(&mut self, mut source: Source, mut life: Life) -> Result<(), Halt> {
        loop {
            let next = tokio::select! {
                biased;
                next = source.next() => next,
                () = life.over() => return self.drain().await,
            };
            match next {
                Next::Frame(frame) => {
                    if !frame.as_frame().data().is_empty() {
                        life.heard();
                    }
                    self.deliver(&frame, &mut source).await?;
                }
                Next::Said(text) => {
                    self.settle().await?;
                    return Err(Halt::Said(text));
                }
                Next::End if !self.ends_too_early() => return self.settle().await,
                Next::End | Next::Broke => source = self.reopen().await?,
            }
        }
    }

    /// A log that is followed has no end, and a file none before it is deleted: the connection behind a server was lost.
    fn ends_too_early(&self) -> bool {
        let is_deleted = match (&self.wish.call, &self.place) {
            (Call::File { .. }, Some(place)) => place.next == 0 && !place.is_sure,
            _ => false,
        };
        self.wish.resume && self.wish.call.follows() && !is_deleted
    }

    /// Sends what of a frame the caller does not have, and first what is missing before it.
    async fn deliver(&mut self, frame: &FrameBuf, source: &mut Source) -> Result<(), Halt> {
        let frame = frame.as_frame();
        if frame.file_bytes().is_empty() {
            self.outlet.frame(&frame, None).await?;
            return self.settle().await;
        }
        let position = source.locate(&frame);
        if frame.event().is_empty() {
            if self.is_past(&frame.file()) {
                return Ok(());
            }
            self.catch_up(&frame.file()).await?;
            return self.emit(&frame, position).await;
        }
        // Deleted or truncated: whatever comes next of this file begins anew.
        let is_sure = !position.claimed && frame.event() != "file deleted";
        self.place = Some(Place { file: frame.file().into_owned(), next: position.end, is_sure });
        Ok(self.outlet.frame(&frame, Some(position)).await?)
    }

    /// An agent that was asked anew and says nothing may have begun a file in which nothing is.
    async fn settle(&mut self) -> Result<(), Halt> {
        if std::mem::take(&mut self.has_jumped) { self.look_behind().await } else { Ok(()) }
    }

    /// Whether the caller has all of a file and more: the agent comes to what was read behind its back.
    fn is_past(&self, file: &str) -> bool {
        let Call::Logs { stem, .. } = &self.wish.call else { return false };
        let place = self.place.as_ref().filter(|place| place.is_sure && !self.has_jumped);
        let had = place.and_then(|place| number(stem, &place.file));
        self.wish.is_exact() && number(stem, file).zip(had).is_some_and(|(file, had)| file < had)
    }

    /// Sends what is missing between the caller's place and the beginning of `file`.
    async fn catch_up(&mut self, file: &str) -> Result<(), Halt> {
        let Call::Logs { stem, .. } = &self.wish.call else { return Ok(()) };
        let Some(place) = &self.place else { return Ok(()) };
        if place.file == file || !place.is_sure || !(self.has_jumped || self.wish.repair) {
            return Ok(());
        }
        match (number(stem, &place.file), number(stem, file)) {
            (Some(from), Some(to)) if from < to => {
                let next = place.next;
                self.fill((from, next), Some(to)).await
            }
            // Files never come back by themselves: the log was begun anew.
            (Some(_), Some(_)) if self.has_jumped => Err(lost(&place.file)),
            _ => Ok(()),
        }
    }

    /// Sends the data of a frame without the bytes that the caller has.
    pub(super) async fn emit(
        &mut self,
        frame: &Frame<'_>,
        position: Position<'_>,
    ) -> Result<(), Halt> {
        let len = frame.data().decoded_len();
        let had = match &self.place {
            Some(place) if place.is_sure && !position.claimed && place.file == frame.file() => {
                place.next.saturating_sub(position.start)
            }
            _ => 0,
        };
        let had = usize::try_from(had).unwrap_or(len).min(len);
        if len > 0 {
            if had == len {
                return Ok(());
            }
            (self.has_jumped, self.tries) = (false, 0);
            let (file, is_sure) = (frame.file().into_owned(), !position.claimed);
            self.place = Some(Place { file, next: position.end, is_sure });
        }
        match had {
            0 => self.outlet.frame(frame, Some(position)).await?,
            had => self.outlet.tail(frame, position, had).await?,
        }
        Ok(())
    }

    /// Asks the agent to go on from the caller's place.
    async fn reopen(&mut self) -> Result<Source, Halt> {
        if !self.wish.resume {
            return Err(Halt::Broken);
        }
        if let Some(place) = self.place.as_ref().filter(|place| !place.is_sure) {
            let file = &place.file;
            return Err(Halt::Said(format!(
                "the connection to the agent broke, and the position in {file} is not known"
            )));
        }
        while self.tries < TRIES {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.tries.min(8)).min(LONGEST_PAUSE);
            self.tries += 1;
            sleep(pause).await;
            self.outlet.heartbeat().await?;
            match self.ask_again(self.wish.call.follows()).await {
                Ok(source) => {
                    self.has_jumped = true;
                    return Ok(source);
                }
                Err(Some(StatusCode::FORBIDDEN)) => return Err(Halt::Broken),
                Err(Some(StatusCode::BAD_REQUEST)) => {
                    let Call::File { path, .. } = &self.wish.call else { continue };
                    return Err(lost(path));
                }
                Err(_) => {}
            }
        }
        Err(Halt::Broken)
    }

    /// All that is there by now, once the task is dead and its log has been quiet.
    async fn drain(&mut self) -> Result<(), Halt> {
        if self.place.as_ref().is_some_and(|place| !place.is_sure) {
            return Ok(());
        }
        // An agent that has forgotten the allocation has nothing more to say.
        let Ok(mut source) = self.ask_again(false).await else { return Ok(()) };
        self.has_jumped = true;
        loop {
            match source.next().await {
                Next::Frame(frame) => self.deliver(&frame, &mut source).await?,
                Next::End | Next::Said(_) => return self.settle().await,
                Next::Broke => return Err(Halt::Broken),
            }
        }
    }

    /// The stream again: a log from the first byte of its newest file, a file from the caller's place. What a caller got
    /// nothing of begins as it was asked for.
    async fn ask_again(&mut self, follow: bool) -> Result<Source, Option<StatusCode>> {
        let follow = if follow { "true" } else { "false" };
        let (path, mut parameters, begin): (String, Vec<Parameter<'_>>, _) = match &self.wish.call {
            Call::Logs { allocation, task, stem, .. } => {
                let kind = if stem.ends_with("stderr.") { "stderr" } else { "stdout" };
                let path = format!("/v1/client/fs/logs/{allocation}");
                (path, vec![("task", task), ("type", kind)], 0)
            }
            Call::File { allocation, path, .. } => {
                let next = self.place.as_ref().map_or(0, |place| place.next);
                (format!("/v1/client/fs/stream/{allocation}"), vec![("path", path)], next)
            }
            Call::Monitor => return Err(None),
        };
        let (origin, offset, tracker) = self.again(begin);
        parameters.extend([("follow", follow), ("origin", origin), ("offset", &offset)]);
        let answer = self.asking.ask(&path, &parameters).await.ok_or(None)?;
        if !is_framed(&answer) {
            return Err(Some(answer.status()));
        }
        Ok(Source::new(answer.into_body(), tracker))
    }

    /// The origin and the offset to ask for, and where the answer begins then.
    fn again(&self, begin: u64) -> (&'static str, String, Tracker) {
        match (&self.place, &self.wish.call) {
            (Some(_), Call::Logs { .. }) => ("end", "0".to_owned(), Tracker::starting_at(0)),
            (Some(_), _) => ("start", begin.to_string(), Tracker::starting_at(begin)),
            (None, Call::Logs { origin, offset, .. } | Call::File { origin, offset, .. }) => {
                let tracker = match (origin, u64::try_from(*offset)) {
                    (Origin::Start, Ok(offset)) if self.is_file() => Tracker::starting_at(offset),
                    (_, Ok(0)) if !self.is_file() => Tracker::starting_at(0),
                    _ => Tracker::starting_anywhere(),
                };
                let origin = if *origin == Origin::Start { "start" } else { "end" };
                (origin, offset.to_string(), tracker)
            }
            (None, Call::Monitor) => ("start", "0".to_owned(), Tracker::starting_anywhere()),
        }
    }

    const fn is_file(&self) -> bool {
        matches!(self.wish.call, Call::File { .. })
    }
}

/// What a caller is told who cannot have all of a file any more.
pub(super) fn lost(file: &str) -> Halt {
    Halt::Said(format!("{file} was removed before it was read to its end"))
}
