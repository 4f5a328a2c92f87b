//! Why a file of an allocation cannot be read, in Nomad's text.

use std::{io, path::PathBuf};

use nomad_wire::quote;
use rustix::io::Errno;

/// Why a file of an allocation cannot be read. The texts are Nomad's, including the host path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// The path leads out of the directory of the allocation.
    #[error("Path escapes the alloc directory")]
    Escapes,
    /// The path cannot be followed, so it is unknown where it leads.
    #[error("Failed to check if path escapes alloc directory: {}", errno_text(*.0))]
    Unresolved(Errno),
    /// The operating system's error.
    #[error("{call} {}: {}", path.display(), errno_text(*errno))]
    Os {
        /// Go's name of the call.
        call: &'static str,
        /// The file, by its path on this host.
        path: PathBuf,
        /// The error.
        errno: Errno,
    },
    /// The path is a directory, which has no content.
    #[error("file {} is a directory", quote(.0))]
    Directory(String),
    /// The path has no content, such as a device or a fifo. Nomad would try, and block.
    #[error("file {} is not a regular file", quote(.0))]
    Special(String),
    /// The file is in `secrets`.
    #[error("Reading secret file prohibited: {0}")]
    Secret(String),
    /// The file is in `private`.
    #[error("Reading private file prohibited: {0}")]
    Private(String),
    /// The offset is before the beginning.
    #[error("can't seek to offset {offset}: seek {}: invalid argument", path.display())]
    Seek {
        /// The invalid position.
        offset: i64,
        /// The file, by its path on this host.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether the file does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Os { errno, .. } if *errno == Errno::NOENT)
    }
}

fn errno_text(errno: Errno) -> String {
    go_error_text(&errno.into())
}

/// An error of the operating system as Go prints it: the text of the C library in lower case.
pub(crate) fn go_error_text(error: &io::Error) -> String {
    let shown = error.to_string();
    let text = shown.rsplit_once(" (os error").map_or(shown.as_str(), |(text, _)| text);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_worded_as_go_words_them() {
        let texts =
            [Errno::NOENT, Errno::NOTDIR, Errno::INVAL, Errno::LOOP, Errno::ACCESS].map(errno_text);
        let expected = [
            "no such file or directory",
            "not a directory",
            "invalid argument",
            "too many levels of symbolic links",
            "permission denied",
        ];
        assert_eq!(texts, expected);
    }
}
