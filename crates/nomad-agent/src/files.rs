//! The files of an allocation, as a client of the API may see them.
//!
//! Every path is relative to the directory of the allocation; a leading slash changes nothing. Attributes of
//! everything inside can be read, contents of everything but `secrets` and `private`.
//!
//! Where this agent and Nomad 2.0 differ, this agent refuses more: a link is judged by where it really leads while
//! it is followed, a link into `secrets` is refused like `secrets` itself, and only regular files have content.

mod error;
mod mode;
mod open_file;
mod sniff;
mod walk;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};
use rustix::io::Errno;

pub(crate) use error::{FileError, go_error_text};
pub(crate) use open_file::OpenFile;
pub(crate) use sniff::{SNIFF_LENGTH, content_type};
use walk::{PathHandle, WalkError, file_type};

/// What is known about a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
    pub(crate) size: i64,
    /// As Go prints it.
    pub(crate) mode: String,
    pub(crate) modified: Timestamp,
    /// Empty if it was not requested.
    pub(crate) content_type: &'static str,
}

/// The files of one allocation.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: PathBuf,
    tasks: Vec<String>,
}

impl Files {
    /// The files below `root`, which is absolute and free of links, and belongs to these tasks.
    pub(crate) fn new(root: PathBuf, tasks: Vec<String>) -> Self {
        Self { root, tasks }
    }

    /// The entries of a directory by name; links are not followed.
    pub(crate) fn list(&self, path: impl AsRef<Path>) -> Result<Vec<FileEntry>, FileError> {
        self.list_matching(path, |_| true)
    }

    /// The entries of a directory whose names are `wanted`; the others are not checked at all.
    pub(crate) fn list_matching(
        &self,
        path: impl AsRef<Path>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<FileEntry>, FileError> {
        let lexical = self.lexical_path(path.as_ref())?;
        let directory = self
            .resolve(&lexical, "open")?
            .open_for_reading()
            .map_err(|errno| lexical.os_error("open", errno))?;
        if file_type(&directory).map_err(|errno| lexical.os_error("open", errno))?
            != FileType::Directory
        {
            return Err(lexical.os_error("readdirent", Errno::NOTDIR));
        }
        let entries =
            read_entries(&directory, wanted).map_err(|errno| lexical.os_error("readdirent", errno));
        let mut entries = entries?;
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// The attributes of one file; a link is followed.
    pub(crate) fn stat(&self, path: impl AsRef<Path>) -> Result<FileEntry, FileError> {
        let lexical = self.lexical_path(path.as_ref())?;
        let handle = self.resolve(&lexical, "stat")?;
        let stat = fstat(handle.file()).map_err(|errno| lexical.os_error("stat", errno))?;
        let name = lexical.host.file_name().unwrap_or_default();
        Ok(FileEntry {
            content_type: sniff_content_type(&lexical, &handle, &stat),
            ..entry(name, &stat)
        })
    }

    /// Checks that `path` exists and is no directory.
    pub(crate) fn check_file(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        if self.stat(&path)?.is_dir {
            return Err(FileError::Directory(display_path(path.as_ref())));
        }
        Ok(())
    }

    /// Device and inode of what `path` leads to.
    pub(crate) fn device_and_inode(&self, path: impl AsRef<Path>) -> Result<(u64, u64), FileError> {
        let lexical = self.lexical_path(path.as_ref())?;
        let handle = self.resolve(&lexical, "stat")?;
        let stat = fstat(handle.file()).map_err(|errno| lexical.os_error("stat", errno))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Opens the content of a file; refuses secrets.
    pub(crate) fn open(&self, path: impl AsRef<Path>) -> Result<OpenFile, FileError> {
        let lexical = self.lexical_path(path.as_ref())?;
        self.check_readable(path.as_ref(), lexical.inside.components().map(Component::as_os_str))?;
        let handle = self.resolve(&lexical, "open")?;
        self.check_readable(path.as_ref(), handle.location())?;
        let file = handle.open_for_reading().map_err(|errno| lexical.os_error("open", errno))?;
        match file_type(&file).map_err(|errno| lexical.os_error("stat", errno))? {
            FileType::RegularFile => Ok(OpenFile { file: file.into(), host_path: lexical.host }),
            FileType::Directory => Err(FileError::Directory(display_path(path.as_ref()))),
            _ => Err(FileError::Special(display_path(path.as_ref()))),
        }
    }

    /// Normalizes a path by its text alone. As in Nomad, a first name that begins with two dots is refused as well.
    fn lexical_path(&self, path: &Path) -> Result<LexicalPath, FileError> {
        let mut host = self.root.clone();
        for component in path.components() {
            match component {
                Component::Normal(name) => host.push(name),
                Component::ParentDir => {
                    host.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        let inside = host.strip_prefix(&self.root).map_err(|_| FileError::Escapes)?.to_owned();
        if inside.as_os_str().as_encoded_bytes().starts_with(b"..") {
            return Err(FileError::Escapes);
        }
        Ok(LexicalPath { host, inside })
    }

    fn resolve(&self, lexical: &LexicalPath, call: &'static str) -> Result<PathHandle, FileError> {
        PathHandle::resolve(&self.root, &lexical.inside).map_err(|lost| match lost {
            WalkError::Outside => FileError::Escapes,
            WalkError::Os(Errno::NOENT) => lexical.os_error(call, Errno::NOENT),
            WalkError::Os(errno) => FileError::Unresolved(errno),
        })
    }

    /// Refuses what is below a task's `secrets` or `private`. As in Nomad, case does not matter, and the names are
    /// compared as prefixes.
    fn check_readable<'a>(
        &self,
        path: &Path,
        mut location: impl Iterator<Item = &'a OsStr>,
    ) -> Result<(), FileError> {
        let (Some(task), Some(below)) = (location.next(), location.next()) else {
            return Ok(());
        };
        if !self.tasks.iter().any(|name| task.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let below = below.to_ascii_lowercase();
        match below.as_encoded_bytes() {
            name if name.starts_with(b"secrets") => Err(FileError::Secret(display_path(path))),
            name if name.starts_with(b"private") => Err(FileError::Private(display_path(path))),
            _ => Ok(()),
        }
    }
}

/// A path as text.
fn display_path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A path normalized by its text alone.
#[derive(Debug)]
struct LexicalPath {
    /// The path on this host.
    host: PathBuf,
    /// The path below the root.
    inside: PathBuf,
}

impl LexicalPath {
    fn os_error(&self, call: &'static str, errno: Errno) -> FileError {
        FileError::Os { call, path: self.host.clone(), errno }
    }
}

fn read_entries(
    directory: &std::os::fd::OwnedFd,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<FileEntry>, Errno> {
    let mut entries = Vec::new();
    for found in Dir::read_from(directory)? {
        let found = found?;
        let name = found.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || !wanted(&name.to_string_lossy()) {
            continue;
        }
        match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => entries.push(entry(name.to_string_lossy().as_ref().as_ref(), &stat)),
            // It was removed after the directory was read: a listing a moment later would not have it.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(entries)
}

fn entry(name: &OsStr, stat: &Stat) -> FileEntry {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    FileEntry {
        name: name.to_string_lossy().into_owned(),
        is_dir: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        size: stat.st_size,
        mode: mode::go_mode(stat.st_mode),
        modified: Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or_default(),
        content_type: "",
    }
}

/// The content type that `fs/stat` shows. A file that is empty or cannot be read has an unknown type.
fn sniff_content_type(lexical: &LexicalPath, handle: &PathHandle, stat: &Stat) -> &'static str {
    if lexical.host.extension() == Some(OsStr::new("json")) {
        return "application/json";
    }
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size == 0 {
        return sniff::UNKNOWN_TYPE;
    }
    let head = handle
        .open_for_reading()
        .map_err(io::Error::from)
        .and_then(|file| read_head(File::from(file)));
    head.map_or(sniff::UNKNOWN_TYPE, |head| content_type(&head))
}

fn read_head(file: File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(SNIFF_LENGTH);
    file.take(SNIFF_LENGTH as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests;
