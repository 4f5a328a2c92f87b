//! The rotated files of a log, read as one.
//!
//! ```text
//!              a later file                       nothing more to read
//!   Reading ─────────────────► Superseded (last read) ────────────────► Reading the later file
//!      │  deleted, no later file
//!      ▼
//!     Deleted ── the name is there again, or a later one ──► Reading that
//! ```
//!
//! The writer creates a file after the last byte of the previous one. So a reader that has seen a later file and
//! then reads the current one to its end has all of it, and no byte is lost or duplicated at a rotation. (Nomad
//! leaves a file as soon as it sees the next, and after a deletion it may stream an older file again. Neither is
//! done here.)

use nomad_wire::query::Origin;

use super::start_position::{LogFileInfo, start_position};
use super::tail::{GrowingFile, Tail, TailPoll};
use super::{Follow, FollowMode, Step, StreamError};

/// Access to the files of one log.
pub(crate) trait LogFiles: Send + 'static {
    /// An open file.
    type File: GrowingFile;

    /// The existing files, by index.
    fn list(&self) -> Result<Vec<LogFileInfo>, StreamError>;

    /// Opens one of them; `None` if it was deleted.
    fn open(&self, index: i64) -> Result<Option<Self::File>, StreamError>;

    /// Its name in frames.
    fn name(&self, index: i64) -> String;

    /// The error when there is no file at all.
    fn missing_error(&self) -> StreamError;
}

/// Reads a log from a chosen position.
#[derive(Debug)]
pub(crate) struct LogTail<L: LogFiles> {
    logs: L,
    index: i64,
    tail: Tail<L::File>,
    state: State,
    mode: FollowMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There may be more in the current file.
    Reading,
    /// A later file has been seen.
    Superseded,
    /// The current file was deleted, and everything in it has been read.
    Deleted,
}

impl<L: LogFiles> LogTail<L> {
    /// Starts at the file and position that `origin` and `offset` mean now.
    pub(crate) fn open(
        logs: L,
        origin: Origin,
        offset: i64,
        until: FollowMode,
    ) -> Result<Self, StreamError> {
        loop {
            let files = logs.list()?;
            let (index, position) =
                start_position(&files, origin, offset).ok_or_else(|| logs.missing_error())?;
            // A file that was purged after the listing: choose among the remaining ones.
            if let Some(file) = logs.open(index)? {
                let tail = Tail::new(&logs.name(index), file, position);
                return Ok(Self { logs, index, tail, state: State::Reading, mode: until });
            }
        }
    }

    /// Reads the live file; at its end, looks for a later one.
    fn read(&mut self) -> Result<Option<Step>, StreamError> {
        let found = match self.mode {
            FollowMode::ToEnd => self.tail.read()?.map_or(TailPoll::Nothing, TailPoll::Read),
            FollowMode::Forever => self.tail.poll()?,
        };
        if let TailPoll::Read(chunk) = found {
            return Ok(Some(Step::Read(chunk)));
        }
        if self.logs.list()?.iter().any(|file| file.index > self.index) {
            self.state = State::Superseded;
            return Ok(None);
        }
        match (found, self.mode) {
            (_, FollowMode::ToEnd) => Ok(Some(Step::End)),
            (TailPoll::Gone, FollowMode::Forever) => {
                self.state = State::Deleted;
                Ok(Some(Step::Read(self.tail.deletion_event())))
            }
            (TailPoll::Nothing | TailPoll::Read(_), FollowMode::Forever) => Ok(Some(Step::Wait)),
        }
    }

    /// Reads the rest of a file that has a successor, then switches to that.
    fn read_rest(&mut self) -> Result<Option<Step>, StreamError> {
        if let Some(chunk) = self.tail.read()? {
            return Ok(Some(Step::Read(chunk)));
        }
        // Deleted and written again under the same name between two polls: that file comes before any later one.
        let next = if self.tail.is_gone() { self.index } else { self.index.saturating_add(1) };
        if !self.switch_to(next)? {
            // The later file was deleted, so this one is the newest again.
            self.state = State::Reading;
        }
        Ok(None)
    }

    /// Looks for a file to continue with after a deletion.
    fn find_successor(&mut self) -> Result<Option<Step>, StreamError> {
        if self.logs.list()?.is_empty() {
            return Err(self.logs.missing_error());
        }
        Ok(if self.switch_to(self.index)? { None } else { Some(Step::Wait) })
    }

    /// Opens the oldest file that is not older than `index`; false if there is none.
    fn switch_to(&mut self, index: i64) -> Result<bool, StreamError> {
        for file in self.logs.list()?.into_iter().filter(|file| file.index >= index) {
            if let Some(opened) = self.logs.open(file.index)? {
                self.index = file.index;
                self.tail.switch_to(&self.logs.name(file.index), opened);
                self.state = State::Reading;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<L: LogFiles> Follow for LogTail<L> {
    fn step(&mut self) -> Result<Step, StreamError> {
        loop {
            let step = match self.state {
                State::Reading => self.read()?,
                State::Superseded => self.read_rest()?,
                State::Deleted => self.find_successor()?,
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }
}

#[cfg(test)]
mod tests;
