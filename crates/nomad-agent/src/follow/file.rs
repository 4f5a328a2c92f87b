//! One file: `fs/stream`, `fs/cat` and `fs/readat`.

use super::tail::{Found, Tail, Tailed};
use super::{Follow, Step, StreamError, Until};

/// Reads one file. Followed, it ends when the file is deleted, and begins anew when the file is cut.
#[derive(Debug)]
pub(crate) struct FileTail<F> {
    tail: Tail<F>,
    until: Until,
    over: bool,
}

impl<F: Tailed> FileTail<F> {
    /// Reads `file`, which frames call `name`, from `position`.
    pub(crate) fn new(name: &str, file: F, position: u64, until: Until) -> Self {
        Self { tail: Tail::new(name, file, position), until, over: false }
    }

    /// The same, but no more than `limit` bytes.
    pub(crate) fn limited(self, limit: u64) -> Self {
        Self { tail: self.tail.limited(limit), ..self }
    }
}

impl<F: Tailed> Follow for FileTail<F> {
    fn step(&mut self) -> Result<Step, StreamError> {
        if self.over || self.tail.is_exhausted() {
            return Ok(Step::End);
        }
        match self.until {
            Until::End => Ok(self.tail.read()?.map_or(Step::End, Step::Read)),
            Until::Forever => match self.tail.watch()? {
                Found::Read(chunk) => Ok(Step::Read(chunk)),
                Found::Nothing => Ok(Step::Wait),
                Found::Gone => {
                    self.over = true;
                    Ok(Step::Read(self.tail.deleted()))
                }
            },
        }
    }
}
