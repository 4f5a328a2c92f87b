//! Rotated log files: `<task>.<stdout|stderr>.<N>`, the highest `N` is the live one.
//!
//! Indices start at 0, never restart and are never renamed; a restarted task continues in the highest file. Nothing
//! is buffered: every write is in the file at once, so a follower sees it at its next poll. A full file is rotated
//! before the first byte of the next line, and only a line longer than [`NEWLINE_WINDOW`] is split. The next file
//! is created after the last byte of the previous one; followers rely on this order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::spec::LogLimits;

/// How far a file may grow past its limit to reach the end of a line: Nomad's own scan window.
pub(crate) const NEWLINE_WINDOW: u64 = 32 * 1024;

/// The writer of one stream of one task.
#[derive(Debug)]
pub(crate) struct LogRotator {
    directory: PathBuf,
    /// `<task>.<stdout|stderr>.`; the index follows.
    prefix: String,
    limits: LogLimits,
    index: u64,
    file: File,
    size: u64,
    /// The file ends in the middle of a line, as far as this writer knows.
    mid_line: bool,
}

impl LogRotator {
    /// Opens the newest file of `prefix` in `directory` for appending, or file 0 when there is none.
    pub(crate) fn open(directory: &Path, prefix: String, limits: LogLimits) -> io::Result<Self> {
        let index = list_indices(directory, &prefix)?.last().copied().unwrap_or(0);
        let (file, size) = open_for_append(&file_path(directory, &prefix, index))?;
        Ok(Self {
            directory: directory.to_owned(),
            prefix,
            limits,
            index,
            file,
            size,
            mid_line: false,
        })
    }

    /// Writes all of `bytes`, rotating to new files at the limit.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(self.bytes_for_file(bytes));
            self.file.write_all(now)?;
            self.size += now.len() as u64;
            self.mid_line = now.last().map_or(self.mid_line, |&last| last != b'\n');
            bytes = later;
            if !bytes.is_empty() {
                self.rotate()?;
            }
        }
        Ok(())
    }

    /// How many of `bytes` belong in the live file. If not all of them: rotate after these.
    fn bytes_for_file(&self, bytes: &[u8]) -> usize {
        let limit = self.limits.max_file_size;
        let room = to_usize(limit.saturating_sub(self.size));
        if bytes.len() <= room {
            return bytes.len();
        }
        let window = room.saturating_sub(to_usize(NEWLINE_WINDOW));
        if let Some(end) = bytes[window..room].iter().rposition(|&byte| byte == b'\n') {
            return window + end + 1;
        }
        if self.size > 0 && !self.mid_line {
            return 0;
        }
        // The line that crosses the limit started in this file: let it end there, within the window.
        let wall = to_usize((limit.saturating_add(NEWLINE_WINDOW)).saturating_sub(self.size))
            .min(bytes.len());
        let start = room.min(wall);
        match bytes[start..wall].iter().position(|&byte| byte == b'\n') {
            Some(end) => start + end + 1,
            None => wall,
        }
    }

    /// Creates the next file and deletes the oldest ones above the limit.
    fn rotate(&mut self) -> io::Result<()> {
        let next = self.index + 1;
        let (file, size) = open_for_append(&file_path(&self.directory, &self.prefix, next))?;
        (self.index, self.file, self.size, self.mid_line) = (next, file, size, false);
        let existing = list_indices(&self.directory, &self.prefix)?;
        let surplus = existing.len().saturating_sub(self.limits.max_files.get());
        for &old in existing.iter().take(surplus) {
            match fs::remove_file(file_path(&self.directory, &self.prefix, old)) {
                // Already deleted by another process.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn file_path(directory: &Path, prefix: &str, index: u64) -> PathBuf {
    directory.join(format!("{prefix}{index}"))
}

fn open_for_append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// The existing indices, lowest first.
fn list_indices(directory: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let index = name.to_str().and_then(|name| name.strip_prefix(prefix));
        found.extend(index.and_then(|index| index.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn limits(max_files: usize, max_file_size: u64) -> LogLimits {
        LogLimits { max_files: NonZeroUsize::new(max_files).unwrap(), max_file_size }
    }

    fn contents(directory: &Path) -> Vec<(u64, String)> {
        let list = list_indices(directory, "t.stdout.").unwrap();
        let read = |index| fs::read_to_string(file_path(directory, "t.stdout.", index)).unwrap();
        list.into_iter().map(|index| (index, read(index))).collect()
    }

    #[test]
    fn a_full_file_ends_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogRotator::open(dir.path(), "t.stdout.".into(), limits(10, 10)).unwrap();
        log.write(b"one\ntwo\nthree\n").unwrap();
        log.write(b"four\nfi").unwrap();
        log.write(b"ve\n").unwrap();
        let expected = [(0, "one\ntwo\n"), (1, "three\n"), (2, "four\nfive\n")];
        assert_eq!(contents(dir.path()), expected.map(|(at, text)| (at, text.to_owned())));
    }

    #[test]
    fn a_line_already_begun_may_end_past_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogRotator::open(dir.path(), "t.stdout.".into(), limits(10, 4)).unwrap();
        log.write(b"abc").unwrap();
        log.write(b"defg\nh").unwrap();
        assert_eq!(contents(dir.path()), [(0, "abcdefg\n".to_owned()), (1, "h".to_owned())]);
    }

    #[test]
    fn a_line_longer_than_the_window_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogRotator::open(dir.path(), "t.stdout.".into(), limits(10, 10)).unwrap();
        log.write(&vec![b'x'; 40_000]).unwrap();
        let sizes: Vec<_> = contents(dir.path()).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(sizes, [10 + 32 * 1024, 40_000 - 10 - 32 * 1024]);
    }

    proptest! {
        /// Property: whatever the sizes of the writes, the files together are what was written, and no line is
        /// split.
        #[test]
        fn files_joined_are_what_was_written(writes in vec("[a-z\n]{1,40}", 0..40), limit in 1u64..60) {
            let dir = tempfile::tempdir().unwrap();
            let mut log = LogRotator::open(dir.path(), "t.stdout.".into(), limits(10_000, limit)).unwrap();
            for write in &writes {
                log.write(write.as_bytes()).unwrap();
            }
            let files = contents(dir.path());
            let joined: String = files.iter().map(|(_, text)| text.as_str()).collect();
            prop_assert_eq!(joined, writes.concat());
            let whole = |(_, text): &(u64, String)| text.ends_with('\n');
            prop_assert!(files.iter().rev().skip(1).all(whole));
        }
    }

    #[test]
    fn the_oldest_files_go_and_indices_never_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogRotator::open(dir.path(), "t.stdout.".into(), limits(2, 2)).unwrap();
        for line in ["a\n", "b\n", "c\n", "d\n"] {
            log.write(line.as_bytes()).unwrap();
        }
        assert_eq!(contents(dir.path()), [(2, "c\n".to_owned()), (3, "d\n".to_owned())]);
        let mut again = LogRotator::open(dir.path(), "t.stdout.".into(), limits(2, 8)).unwrap();
        again.write(b"e\n").unwrap();
        assert_eq!(contents(dir.path()), [(2, "c\n".to_owned()), (3, "d\ne\n".to_owned())]);
    }
}
