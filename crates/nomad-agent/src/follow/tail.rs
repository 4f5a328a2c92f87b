//! One growing file and the position up to which it was read.

use std::io;
use std::sync::Arc;

use super::{Chunk, DELETED, StreamError, TRUNCATED};

/// The most one read takes: what one frame carries.
const MAX_READ: usize = 64 * 1024;

/// A file that may grow, be truncated or deleted.
pub(crate) trait GrowingFile: Send + 'static {
    /// Reads at a position; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// Its current size.
    fn size(&self) -> io::Result<u64>;

    /// Whether its name is gone, or belongs to another file by now.
    fn is_gone(&self) -> bool;
}

/// The result of a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TailPoll {
    Read(Chunk),
    /// The end, for now.
    Nothing,
    /// The end for good: the file was deleted and its last byte read.
    Gone,
}

/// One growing file and the position up to which it was read.
#[derive(Debug)]
pub(super) struct Tail<F> {
    name: Arc<str>,
    file: F,
    position: u64,
    /// How many bytes may still be read.
    limit: u64,
    buffer: Vec<u8>,
}

impl<F: GrowingFile> Tail<F> {
    pub(super) fn new(name: &str, file: F, position: u64) -> Self {
        Self { name: name.into(), file, position, limit: u64::MAX, buffer: vec![0; MAX_READ] }
    }

    pub(super) fn with_limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// Switches to the beginning of another file.
    pub(super) fn switch_to(&mut self, name: &str, file: F) {
        self.name = name.into();
        self.file = file;
        self.position = 0;
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.limit == 0
    }

    /// Reads on; `None` at the end.
    pub(super) fn read(&mut self) -> Result<Option<Chunk>, StreamError> {
        let data = self.read_bytes()?;
        Ok((!data.is_empty()).then(|| self.chunk("", data)))
    }

    /// Reads on for a follower: at the end, checks for truncation and deletion.
    pub(super) fn poll(&mut self) -> Result<TailPoll, StreamError> {
        if let Some(chunk) = self.read()? {
            return Ok(TailPoll::Read(chunk));
        }
        if self.file.size().map_err(|source| self.read_error(source))? < self.position {
            self.position = 0;
            let data = self.read_bytes()?;
            return Ok(TailPoll::Read(self.chunk(TRUNCATED, data)));
        }
        if !self.file.is_gone() {
            return Ok(TailPoll::Nothing);
        }
        // Bytes written between the read above and the deletion must not be lost.
        Ok(self.read()?.map_or(TailPoll::Gone, TailPoll::Read))
    }

    /// Whether the file's name is gone, or belongs to another file by now.
    pub(super) fn is_gone(&self) -> bool {
        self.file.is_gone()
    }

    /// The event of the file's deletion.
    pub(super) fn deletion_event(&self) -> Chunk {
        self.chunk(DELETED, Vec::new())
    }

    fn read_bytes(&mut self) -> Result<Vec<u8>, StreamError> {
        let most = usize::try_from(self.limit).unwrap_or(MAX_READ).min(MAX_READ);
        let read = self.file.read_at(&mut self.buffer[..most], self.position);
        let read = read.map_err(|source| self.read_error(source))?;
        self.position += read as u64;
        self.limit -= read as u64;
        Ok(self.buffer[..read].to_vec())
    }

    fn chunk(&self, event: &'static str, data: Vec<u8>) -> Chunk {
        Chunk { file: Arc::clone(&self.name), event, data, position: self.position }
    }

    fn read_error(&self, source: io::Error) -> StreamError {
        StreamError::Read { file: self.name.to_string(), source }
    }
}
