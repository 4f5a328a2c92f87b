//! Why a file of an allocation cannot be had, in Nomad's words.

use std::{io, path::PathBuf};

use nomad_wire::quote;
use rustix::io::Errno;

/// Why a file of an allocation cannot be had. The texts are Nomad's, down to the host path in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// The path leads out of the directory of the allocation.
    #[error("Path escapes the alloc directory")]
    Escapes,
    /// The path cannot be followed, so that nobody knows where it leads.
    #[error("Failed to check if path escapes alloc directory: {}", errno_text(*.0))]
    Unresolved(Errno),
    /// The operating system refused.
    #[error("{call} {}: {}", path.display(), errno_text(*errno))]
    Os {
        /// The name of the call, as Go calls it.
        call: &'static str,
        /// The file, by its path on this host.
        path: PathBuf,
        /// What it said.
        errno: Errno,
    },
    /// The content of a directory was asked for.
    #[error("file {} is a directory", quote(.0))]
    Directory(String),
    /// The content of something that has none, such as a device or a fifo, was asked for. Nomad would try, and wait.
    #[error("file {} is not a regular file", quote(.0))]
    Special(String),
    /// The content of a file in `secrets` was asked for.
    #[error("Reading secret file prohibited: {0}")]
    Secret(String),
    /// The content of a file in `private` was asked for.
    #[error("Reading private file prohibited: {0}")]
    Private(String),
    /// Reading was to begin before the beginning.
    #[error("can't seek to offset {offset}: seek {}: invalid argument", path.display())]
    Seek {
        /// The impossible position.
        offset: i64,
        /// The file, by its path on this host.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether the file is simply not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Os { errno, .. } if *errno == Errno::NOENT)
    }
}

fn errno_text(errno: Errno) -> String {
    go_error_text(&errno.into())
}

/// An error of the operating system in Go's words, which are those of the C library without the capital.
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
