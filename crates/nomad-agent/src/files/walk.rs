//! From a requested path to an open file inside the allocation, and to nothing outside of it.
//!
//! The walk opens one component after the other, relative to the directory opened before and never through a link.
//! A link is read from the descriptor that showed it to be one, and its target is walked in the same way, from the
//! directory the link is in; `..` goes back to the descriptor the walk came from. So nothing that is swapped in
//! behind the walk can lead it outside, and there is no moment between a check and a use.
//!
//! Nomad resolves the whole path first, compares the result with the directory as text, without regard to case and
//! without a separator at the end, and then opens the unresolved path. There a sibling directory whose name has the
//! allocation's as its prefix passes, and so does a link changed in between. Neither passes here.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open, openat, readlinkat};
use rustix::io::Errno;

/// The link limit of Linux itself for one path.
const MAX_LINKS: u32 = 40;

/// A handle to the name only; it needs and gives no read permission.
const NAME_ONLY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// For reading. Opening a fifo without a writer must not block.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Why a walk failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalkError {
    /// It would have left the directory.
    Outside,
    /// The operating system's error.
    Os(Errno),
}

impl From<Errno> for WalkError {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

/// The result of a walk: a file inside the root, by descriptors.
#[derive(Debug)]
pub(super) struct PathHandle {
    root: OwnedFd,
    /// The directories on the way and the file itself, by their real names: no link is among them.
    steps: Vec<(OsString, OwnedFd)>,
}

impl PathHandle {
    /// Walks `path` from `root`, following links as long as they stay inside.
    pub(super) fn resolve(root: &Path, path: &Path) -> Result<Self, WalkError> {
        let mut spot = Self {
            root: open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?,
            steps: Vec::new(),
        };
        let mut ahead: VecDeque<OsString> = components(path).collect();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            let Some(target) = spot.step(name)? else {
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            for name in spot.redirect(root, &target)?.into_iter().rev() {
                ahead.push_front(name);
            }
        }
        Ok(spot)
    }

    /// Goes one component further; for a link it stays and returns the link's target.
    fn step(&mut self, name: OsString) -> Result<Option<PathBuf>, WalkError> {
        if name == ".." {
            return self.steps.pop().map(|_| None).ok_or(WalkError::Outside);
        }
        let file = openat(self.current(), &name, NAME_ONLY, Mode::empty())?;
        if file_type(&file)? == FileType::Symlink {
            let target = readlinkat(&file, "", Vec::new())?;
            return Ok(Some(OsString::from_vec(target.into_bytes()).into()));
        }
        self.steps.push((name, file));
        Ok(None)
    }

    /// The target of a link from here: an absolute one must be inside the root, and starts from it.
    fn redirect(&mut self, root: &Path, target: &Path) -> Result<Vec<OsString>, WalkError> {
        if !target.is_absolute() {
            return Ok(components(target).collect());
        }
        let inside = target.strip_prefix(root).map_err(|_| WalkError::Outside)?;
        self.steps.clear();
        Ok(components(inside).collect())
    }

    fn current(&self) -> BorrowedFd<'_> {
        self.steps.last().map_or_else(|| self.root.as_fd(), |(_, file)| file.as_fd())
    }

    /// The file by name only: sufficient for its attributes.
    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.current()
    }

    /// The real location, as components below the root.
    pub(super) fn location(&self) -> impl Iterator<Item = &OsStr> {
        self.steps.iter().map(|(name, _)| name.as_os_str())
    }

    /// Opens the file for reading. If it has become a link meanwhile, the link is not followed.
    pub(super) fn open_for_reading(&self) -> Result<OwnedFd, Errno> {
        let Some(((name, _), way)) = self.steps.split_last() else {
            return openat(&self.root, ".", READ, Mode::empty());
        };
        let parent =
            way.last().map_or_else(|| self.root.as_fd(), |(_, directory)| directory.as_fd());
        openat(parent, name, READ, Mode::empty())
    }
}

/// The file type of a descriptor.
pub(super) fn file_type(file: impl AsFd) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(fstat(file)?.st_mode))
}

/// The components that move a walk: names and `..`.
fn components(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}
