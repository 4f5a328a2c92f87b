//! A file opened for reading.

use std::{fs::File, io, path::PathBuf};

use nomad_wire::query::Origin;
use rustix::io::Errno;

use super::FileError;

/// No file is this long. Linux refuses a read whose position and length together exceed the largest number.
const MAX_POSITION: i64 = 1 << 62;

/// A file opened for reading.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: File,
    /// Its path on this host, for error texts.
    pub(crate) host_path: PathBuf,
}

impl OpenFile {
    /// The error of a failed call on this file.
    pub(crate) fn io_error(&self, call: &'static str, error: &io::Error) -> FileError {
        let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
        FileError::Os { call, path: self.host_path.clone(), errno }
    }

    /// The absolute position of an offset from either end. Before the beginning is an error; beyond the end the
    /// file may still grow.
    pub(crate) fn position(&self, origin: Origin, offset: i64) -> Result<u64, FileError> {
        let start = match origin {
            Origin::Start if offset < 0 => {
                return Err(FileError::Seek { offset, path: self.host_path.clone() });
            }
            Origin::Start => offset,
            Origin::End => {
                let size =
                    self.file.metadata().map_err(|error| self.io_error("stat", &error))?.len();
                i64::try_from(size).unwrap_or(MAX_POSITION).saturating_sub(offset)
            }
        };
        Ok(start.clamp(0, MAX_POSITION).unsigned_abs())
    }
}
