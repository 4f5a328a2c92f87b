//! One file: `fs/stream`, `fs/cat` and `fs/readat`.

use super::tail::{GrowingFile, Tail, TailPoll};
use super::{Follow, FollowMode, Step, StreamError};

/// Reads one file. A followed one ends when the file is deleted, and starts over when the file is truncated.
#[derive(Debug)]
pub(crate) struct FileTail<F> {
    tail: Tail<F>,
    mode: FollowMode,
    ended: bool,
}

impl<F: GrowingFile> FileTail<F> {
    /// Reads `file`, called `name` in frames, from `position`.
    pub(crate) fn new(name: &str, file: F, position: u64, until: FollowMode) -> Self {
        Self { tail: Tail::new(name, file, position), mode: until, ended: false }
    }

    /// As above, but at most `limit` bytes.
    pub(crate) fn with_limit(self, limit: u64) -> Self {
        Self { tail: self.tail.with_limit(limit), ..self }
    }
}

impl<F: GrowingFile> Follow for FileTail<F> {
    fn step(&mut self) -> Result<Step, StreamError> {
        if self.ended || self.tail.is_exhausted() {
            return Ok(Step::End);
        }
        match self.mode {
            FollowMode::ToEnd => Ok(self.tail.read()?.map_or(Step::End, Step::Read)),
            FollowMode::Forever => match self.tail.poll()? {
                TailPoll::Read(chunk) => Ok(Step::Read(chunk)),
                TailPoll::Nothing => Ok(Step::Wait),
                TailPoll::Gone => {
                    self.ended = true;
                    Ok(Step::Read(self.tail.deletion_event()))
                }
            },
        }
    }
}
