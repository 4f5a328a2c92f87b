//! The files of an allocation, as the state machines see them.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use super::StreamError;
use super::log::LogFiles;
use super::start_position::LogFileInfo;
use super::tail::GrowingFile;
use crate::files::{Files, OpenFile};

/// The directory of an allocation's logs in frames.
const LOGS: &str = "alloc/logs";

/// An open file and the name under which it was found.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    files: Files,
    path: PathBuf,
}

impl DiskFile {
    /// The file `opened` of `files`, found at `path`.
    pub(crate) fn new(opened: OpenFile, files: Files, path: impl Into<PathBuf>) -> Self {
        Self { file: opened.file, files, path: path.into() }
    }
}

impl GrowingFile for DiskFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn is_gone(&self) -> bool {
        let Ok(own) = self.file.metadata() else {
            return true;
        };
        // A name that leads nowhere, or out of the allocation by now, is no longer this file's.
        own.nlink() == 0
            || self.files.device_and_inode(&self.path).ok() != Some((own.dev(), own.ino()))
    }
}

/// The log files of one stream of one task.
#[derive(Debug)]
pub(crate) struct DiskLogs {
    files: Files,
    task: String,
    kind: &'static str,
}

impl DiskLogs {
    /// The files `<task>.<kind>.<N>`.
    pub(crate) fn new(files: Files, task: &str, kind: &'static str) -> Self {
        Self { files, task: task.to_owned(), kind }
    }

    fn prefix(&self) -> String {
        format!("{}.{}.", self.task, self.kind)
    }
}

impl LogFiles for DiskLogs {
    type File = DiskFile;

    fn list(&self) -> Result<Vec<LogFileInfo>, StreamError> {
        let prefix = self.prefix();
        let mut found = Vec::new();
        let listed = self.files.list_matching(LOGS, |name| name.starts_with(&prefix));
        for entry in listed.map_err(StreamError::List)? {
            let Some(index) = entry.name.strip_prefix(&prefix).filter(|_| !entry.is_dir) else {
                continue;
            };
            let index = index.parse().map_err(|_| StreamError::Index(index.to_owned()))?;
            found.push(LogFileInfo { index, size: u64::try_from(entry.size).unwrap_or_default() });
        }
        found.sort_unstable_by_key(|file| file.index);
        Ok(found)
    }

    fn open(&self, index: i64) -> Result<Option<DiskFile>, StreamError> {
        let path = self.name(index);
        match self.files.open(&path) {
            Ok(opened) => Ok(Some(DiskFile::new(opened, self.files.clone(), &path))),
            // A broken link is listed and cannot be opened: only a missing name counts as deleted.
            Err(source) if source.is_missing() && !self.is_listed(index)? => Ok(None),
            Err(source) => Err(StreamError::Open { file: path, source }),
        }
    }

    fn name(&self, index: i64) -> String {
        format!("{LOGS}/{}{index}", self.prefix())
    }

    fn missing_error(&self) -> StreamError {
        StreamError::NoLog { task: self.task.clone(), kind: self.kind }
    }
}

impl DiskLogs {
    fn is_listed(&self, index: i64) -> Result<bool, StreamError> {
        Ok(self.list()?.iter().any(|file| file.index == index))
    }
}

#[cfg(test)]
mod tests;
