//! The data of an allocation as a tar archive: `alloc/data` and every `<task>/local`.
//!
//! The walk opens one directory after the other by descriptor and never through a link, so no task can bring a file
//! of this host into the archive, whatever it swaps meanwhile.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use tar::{Builder, EntryType, Header};

use super::Allocation;
use crate::files::go_error_text;

/// Depth limit of nested directories; every level holds a descriptor open.
const MAX_DEPTH: usize = 256;

/// Nomad's mode of the entry that reports an error.
const ERROR_MODE: u32 = 0o666;

/// For reading, and never through a link. Opening a fifo without a writer must not block.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Why an archive is incomplete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// A file could not be read.
    #[error("{call} {}: {}", path.display(), go_error_text(source))]
    File {
        /// Go's name of the call.
        call: &'static str,
        /// The file, by its path on this host.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A file shrank while it was read.
    #[error("{} shrank while it was read", .0.display())]
    Shrunk(PathBuf),
    /// Directories are nested too deeply.
    #[error("{} is nested too deeply", .0.display())]
    TooDeep(PathBuf),
    /// The reader of the archive is gone.
    #[error("the reader of the archive is gone")]
    Reader(#[source] io::Error),
}

/// Writes the archive. An error with a file is reported in a last entry, so that a part is not taken for the whole.
/// Blocks.
///
/// # Errors
/// Why the archive is incomplete; it is terminated properly all the same unless its reader is gone.
pub(crate) fn write_snapshot(allocation: &Allocation, to: impl Write) -> Result<(), SnapshotError> {
    let mut archive = Archive { tar: Builder::new(to), root: allocation.directory().root() };
    let written = archive.append_trees(allocation);
    if let Err(error) = &written {
        archive.append_error(allocation.id().as_str(), error).map_err(SnapshotError::Reader)?;
    }
    let ended = archive.tar.into_inner().and_then(|mut to| to.flush());
    ended.map_err(SnapshotError::Reader)?;
    written
}

struct Archive<'a, W: Write> {
    tar: Builder<W>,
    root: &'a Path,
}

impl<W: Write> Archive<'_, W> {
    fn append_trees(&mut self, allocation: &Allocation) -> Result<(), SnapshotError> {
        let locals = allocation.tasks().map(|task| Path::new(task.name()).join("local"));
        for tree in std::iter::once(PathBuf::from("alloc/data")).chain(locals) {
            let mut parent = self.open(rustix::fs::CWD, self.root.as_os_str(), Path::new(""))?;
            let mut inside = PathBuf::new();
            let mut names: Vec<_> = tree.iter().collect();
            let last = names.pop().unwrap_or_default();
            for name in names {
                inside.push(name);
                parent = self.open(&parent, name, &inside)?;
            }
            self.append_entry(&parent, last, &tree, 0)?;
        }
        Ok(())
    }

    /// Adds one entry and, for a directory, everything in it.
    fn append_entry(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        inside: &Path,
        depth: usize,
    ) -> Result<(), SnapshotError> {
        let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|errno| self.file_error("lstat", inside, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.append_directory(parent, name, inside, (stat, depth)),
            FileType::RegularFile => self.append_file(parent, name, inside, &stat),
            FileType::Symlink => self.append_symlink(parent, name, inside, &stat),
            // A socket, a fifo or a device has no content to transfer.
            _ => Ok(()),
        }
    }

    fn append_directory(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        inside: &Path,
        (stat, depth): (Stat, usize),
    ) -> Result<(), SnapshotError> {
        if depth > MAX_DEPTH {
            return Err(SnapshotError::TooDeep(self.root.join(inside)));
        }
        let directory = self.open(parent, name, inside)?;
        let mut header = header(&stat, EntryType::Directory);
        self.append(&mut header, inside, io::empty())?;
        let failed = |errno| self.file_error("readdirent", inside, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        names
            .iter()
            .try_for_each(|name| self.append_entry(&directory, name, &inside.join(name), depth + 1))
    }

    fn append_file(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        inside: &Path,
        stat: &Stat,
    ) -> Result<(), SnapshotError> {
        let file = self.open(parent, name, inside)?;
        let mut header = header(stat, EntryType::Regular);
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        header.set_size(size);
        let mut content =
            FixedLengthReader { file: file.into(), remaining: size, truncated: false };
        self.append(&mut header, inside, &mut content)?;
        if content.truncated { Err(SnapshotError::Shrunk(self.root.join(inside))) } else { Ok(()) }
    }

    fn append_symlink(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        inside: &Path,
        stat: &Stat,
    ) -> Result<(), SnapshotError> {
        let target = readlinkat(parent, name, Vec::new());
        let target = target.map_err(|errno| self.file_error("readlink", inside, errno))?;
        let mut header = header(stat, EntryType::Symlink);
        let target = Path::new(OsStr::from_bytes(target.as_bytes()));
        self.tar.append_link(&mut header, inside, target).map_err(SnapshotError::Reader)
    }

    fn append(
        &mut self,
        header: &mut Header,
        inside: &Path,
        content: impl Read,
    ) -> Result<(), SnapshotError> {
        self.tar.append_data(header, inside, content).map_err(SnapshotError::Reader)
    }

    /// Adds the last entry of an incomplete archive.
    fn append_error(&mut self, id: &str, error: &SnapshotError) -> io::Result<()> {
        let text = format!("Error snapshotting: {error}");
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(ERROR_MODE);
        header.set_mtime(0);
        header.set_size(text.len() as u64);
        self.tar.append_data(&mut header, format!("NOMAD-{id}-ERROR.log"), text.as_bytes())
    }

    fn open(
        &self,
        parent: impl std::os::fd::AsFd,
        name: &OsStr,
        inside: &Path,
    ) -> Result<OwnedFd, SnapshotError> {
        openat(parent, name, READ, Mode::empty())
            .map_err(|errno| self.file_error("open", inside, errno))
    }

    fn file_error(&self, call: &'static str, inside: &Path, errno: Errno) -> SnapshotError {
        SnapshotError::File { call, path: self.root.join(inside), source: errno.into() }
    }
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header.set_size(0);
    header
}

/// Reads exactly the length that the entry's header gives: no more of a file that grows, and zeros for one that
/// shrank.
struct FixedLengthReader {
    file: File,
    remaining: u64,
    truncated: bool,
}

impl Read for FixedLengthReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..most];
        let read = match self.file.read(buffer) {
            // A read error is treated like an early end: the archive must continue.
            Ok(0) | Err(_) if most > 0 => {
                self.truncated = true;
                buffer.fill(0);
                most
            }
            read => read?,
        };
        self.remaining -= read as u64;
        Ok(read)
    }
}
