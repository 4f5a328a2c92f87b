//! What an agent left out when it went from one log file to the next.

use http::StatusCode;
use nomad_frames::Tracker;

use super::{
    place::number,
    session::{Halt, Session, lost},
    source::{Next, Source, is_framed},
    wish::Call,
};

/// How often a file is asked for whose answer breaks off.
const TRIES: u32 = 3;

/// What became of a file that was asked for.
enum Copied {
    /// All of it was sent.
    All,
    /// The agent's answer broke off.
    Part,
    /// The caller may read logs, but no files.
    Forbidden,
    /// It is gone.
    Gone,
}

impl Session {
    /// Sends what there is behind the caller's place, as far as there are files. After a break the agent begins with its newest
    /// file, and as long as that is empty nothing says that there is another.
    pub(super) async fn look_behind(&mut self) -> Result<(), Halt> {
        let Call::Logs { stem, .. } = &self.wish.call else { return Ok(()) };
        let place = self.place.as_ref().filter(|place| place.is_sure);
        let at = place.and_then(|place| Some((number(stem, &place.file)?, place.next)));
        match at {
            Some(at) => self.fill(at, None).await,
            None => Ok(()),
        }
    }

    /// Sends the log from a position in one file to the end of the last file before `to`, or of the last there is.
    pub(super) async fn fill(
        &mut self,
        (from, next): (u64, u64),
        to: Option<u64>,
    ) -> Result<(), Halt> {
        let Call::Logs { stem, .. } = &self.wish.call else { return Ok(()) };
        let stem = stem.clone();
        for file in from..to.unwrap_or(u64::MAX) {
            let path = format!("{stem}{file}");
            let at = if file == from { next } else { 0 };
            match self.copy_all(&path, at).await? {
                Copied::All => {}
                Copied::Gone if to.is_none() && file > from => return Ok(()),
                Copied::Gone => return Err(lost(&path)),
                Copied::Forbidden => return self.fill_from_log((file, at), to).await,
                Copied::Part => return Err(Halt::Broken),
            }
        }
        Ok(())
    }

    /// Sends a file from a position to its end, and asks again when the answer breaks off.
    async fn copy_all(&mut self, path: &str, mut at: u64) -> Result<Copied, Halt> {
        for _ in 0..TRIES {
            match self.copy(path, at).await? {
                Copied::Part => {}
                copied => return Ok(copied),
            }
            let place = self.place.as_ref().filter(|place| place.file == path);
            at = place.map_or(at, |place| place.next);
        }
        Ok(Copied::Part)
    }

    /// Sends a file from a position to its end.
    async fn copy(&mut self, path: &str, at: u64) -> Result<Copied, Halt> {
        let Call::Logs { allocation, .. } = &self.wish.call else { return Ok(Copied::Gone) };
        let call = format!("/v1/client/fs/stream/{allocation}");
        let offset = at.to_string();
        let parameters =
            [("path", path), ("origin", "start"), ("offset", &*offset), ("follow", "false")];
        let Some(answer) = self.asking.ask(&call, &parameters).await else {
            return Ok(Copied::Gone);
        };
        if !is_framed(&answer) {
            return Ok(match answer.status() {
                // A missing file is a bad request to this call.
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Copied::Gone,
                StatusCode::FORBIDDEN | StatusCode::INTERNAL_SERVER_ERROR => Copied::Forbidden,
                _ => Copied::Part,
            });
        }
        let mut source = Source::new(answer.into_body(), Tracker::starting_at(at));
        loop {
            match source.next().await {
                Next::Frame(frame) => {
                    let frame = frame.as_frame();
                    if !frame.data().is_empty() {
                        let position = source.locate(&frame);
                        self.emit(&frame, position).await?;
                    }
                }
                Next::End => return Ok(Copied::All),
                Next::Said(_) | Next::Broke => return Ok(Copied::Part),
            }
        }
    }

    /// The same by reading the log again from its oldest byte, and sending what lies in the gap.
    async fn fill_from_log(
        &mut self,
        (from, next): (u64, u64),
        to: Option<u64>,
    ) -> Result<(), Halt> {
        let Call::Logs { allocation, task, stem, .. } = &self.wish.call else { return Ok(()) };
        let (stem, path) = (stem.clone(), format!("/v1/client/fs/logs/{allocation}"));
        let kind = if stem.ends_with("stderr.") { "stderr" } else { "stdout" };
        let parameters = [("task", &**task), ("type", kind), ("follow", "false")];
        let answer = self.asking.ask(&path, &parameters).await;
        let Some(answer) = answer.filter(is_framed) else { return Err(Halt::Broken) };
        let mut source = Source::new(answer.into_body(), Tracker::starting_at(0));
        // What the caller has nothing of may be empty.
        let mut is_there = next == 0;
        loop {
            match source.next().await {
                Next::Frame(frame) => {
                    let frame = frame.as_frame();
                    if frame.data().is_empty() {
                        continue;
                    }
                    let file = number(&stem, &frame.file());
                    let position = source.locate(&frame);
                    match file {
                        Some(file) if file < from => {}
                        Some(file) if to.is_none_or(|to| file < to) => {
                            is_there |= file == from;
                            if !is_there {
                                return Err(lost(&format!("{stem}{from}")));
                            }
                            self.emit(&frame, position).await?;
                        }
                        _ if is_there => return Ok(()),
                        _ => return Err(lost(&format!("{stem}{from}"))),
                    }
                }
                Next::End if is_there => return Ok(()),
                Next::End => return Err(lost(&format!("{stem}{from}"))),
                Next::Said(_) | Next::Broke => return Err(Halt::Broken),
            }
        }
    }
}
