//! Sends what an agent left out between two log files.

use http::StatusCode;
use nomad_frames::Tracker;

use super::session::{Session, SessionEnd, file_removed};
use crate::proxy::streams::resume::{
    frame_source::{FrameSource, SourceEvent, is_framed},
    resume_point::log_file_number,
    stream_options::StreamCall,
};

/// How often a file is asked for whose answer breaks off.
const MAX_TRIES: u32 = 3;

/// What became of a file that was asked for.
enum CopyOutcome {
    /// All of it was sent.
    Complete,
    /// The agent's answer broke off.
    Partial,
    /// The caller may read logs, but no files.
    Denied,
    /// It is gone.
    NotFound,
}

impl Session {
    /// Sends what there is behind the caller's place, as far as there are files. After a break the agent begins with its newest
    /// file, and as long as that is empty nothing says that there is another.
    pub(super) async fn backfill_rest(&mut self) -> Result<(), SessionEnd> {
        let StreamCall::Logs { stem, .. } = &self.options.call else { return Ok(()) };
        let place = self.resume_point.as_ref().filter(|place| place.is_exact);
        let at =
            place.and_then(|place| Some((log_file_number(stem, &place.file)?, place.next_byte)));
        match at {
            Some(at) => self.backfill(at, None).await,
            None => Ok(()),
        }
    }

    /// Sends the log from a position in one file to the end of the last file before `to`, or of the last there is.
    pub(super) async fn backfill(
        &mut self,
        (from, next): (u64, u64),
        to: Option<u64>,
    ) -> Result<(), SessionEnd> {
        let StreamCall::Logs { stem, .. } = &self.options.call else { return Ok(()) };
        let stem = stem.clone();
        for file in from..to.unwrap_or(u64::MAX) {
            let path = format!("{stem}{file}");
            let at = if file == from { next } else { 0 };
            match self.copy_file(&path, at).await? {
                CopyOutcome::Complete => {}
                CopyOutcome::NotFound if to.is_none() && file > from => return Ok(()),
                CopyOutcome::NotFound => return Err(file_removed(&path)),
                CopyOutcome::Denied => return self.backfill_from_log((file, at), to).await,
                CopyOutcome::Partial => return Err(SessionEnd::Broken),
            }
        }
        Ok(())
    }

    /// Sends a file from a position to its end, and asks again when the answer breaks off.
    async fn copy_file(&mut self, path: &str, mut at: u64) -> Result<CopyOutcome, SessionEnd> {
        for _ in 0..MAX_TRIES {
            match self.copy_once(path, at).await? {
                CopyOutcome::Partial => {}
                copied => return Ok(copied),
            }
            let place = self.resume_point.as_ref().filter(|place| place.file == path);
            at = place.map_or(at, |place| place.next_byte);
        }
        Ok(CopyOutcome::Partial)
    }

    /// Sends a file from a position to its end.
    async fn copy_once(&mut self, path: &str, at: u64) -> Result<CopyOutcome, SessionEnd> {
        let StreamCall::Logs { allocation, .. } = &self.options.call else {
            return Ok(CopyOutcome::NotFound);
        };
        let call = format!("/v1/client/fs/stream/{allocation}");
        let offset = at.to_string();
        let parameters =
            [("path", path), ("origin", "start"), ("offset", &*offset), ("follow", "false")];
        let Some(answer) = self.asking.send(&call, &parameters).await else {
            return Ok(CopyOutcome::NotFound);
        };
        if !is_framed(&answer) {
            return Ok(match answer.status() {
                // A missing file is a bad request to this call.
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => CopyOutcome::NotFound,
                StatusCode::FORBIDDEN | StatusCode::INTERNAL_SERVER_ERROR => CopyOutcome::Denied,
                _ => CopyOutcome::Partial,
            });
        }
        let mut source = FrameSource::new(answer.into_body(), Tracker::from_position(at));
        loop {
            match source.next().await {
                SourceEvent::Frame(frame) => {
                    let frame = frame.as_frame();
                    if !frame.data().is_empty() {
                        let position = source.position_of(&frame);
                        self.write_data(&frame, position).await?;
                    }
                }
                SourceEvent::End => return Ok(CopyOutcome::Complete),
                SourceEvent::Message(_) | SourceEvent::Broken => return Ok(CopyOutcome::Partial),
            }
        }
    }

    /// The same by reading the log again from its oldest byte, and sending what lies in the gap.
    async fn backfill_from_log(
        &mut self,
        (from, next): (u64, u64),
        to: Option<u64>,
    ) -> Result<(), SessionEnd> {
        let StreamCall::Logs { allocation, task, stem, .. } = &self.options.call else {
            return Ok(());
        };
        let (stem, path) = (stem.clone(), format!("/v1/client/fs/logs/{allocation}"));
        let kind = if stem.ends_with("stderr.") { "stderr" } else { "stdout" };
        let parameters = [("task", &**task), ("type", kind), ("follow", "false")];
        let answer = self.asking.send(&path, &parameters).await;
        let Some(answer) = answer.filter(is_framed) else { return Err(SessionEnd::Broken) };
        let mut source = FrameSource::new(answer.into_body(), Tracker::from_position(0));
        // What the caller has nothing of may be empty.
        let mut is_there = next == 0;
        loop {
            match source.next().await {
                SourceEvent::Frame(frame) => {
                    let frame = frame.as_frame();
                    if frame.data().is_empty() {
                        continue;
                    }
                    let file = log_file_number(&stem, &frame.file());
                    let position = source.position_of(&frame);
                    match file {
                        Some(file) if file < from => {}
                        Some(file) if to.is_none_or(|to| file < to) => {
                            is_there |= file == from;
                            if !is_there {
                                return Err(file_removed(&format!("{stem}{from}")));
                            }
                            self.write_data(&frame, position).await?;
                        }
                        _ if is_there => return Ok(()),
                        _ => return Err(file_removed(&format!("{stem}{from}"))),
                    }
                }
                SourceEvent::End if is_there => return Ok(()),
                SourceEvent::End => return Err(file_removed(&format!("{stem}{from}"))),
                SourceEvent::Message(_) | SourceEvent::Broken => return Err(SessionEnd::Broken),
            }
        }
    }
}
