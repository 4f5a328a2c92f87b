//! Where the log lines of a lone agent go.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use nomad_agent::{LineStyle, LogLine, LogOutlet};

/// Standard error, or a file that is appended to.
#[derive(Debug)]
pub(super) struct Outlet {
    style: LineStyle,
    file: Option<Mutex<File>>,
}

impl Outlet {
    /// The file is created with its directories when it does not exist.
    pub(super) fn open(file: Option<&Path>, is_json: JsonLines) -> io::Result<Self> {
        let open = |path: &Path| {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            OpenOptions::new().append(true).create(true).open(path).map(Mutex::new)
        };
        let style = match is_json {
            JsonLines::Yes => LineStyle::new().json(true),
            JsonLines::No => LineStyle::new(),
        };
        Ok(Self { style, file: file.map(open).transpose()? })
    }
}

/// Whether lines are JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonLines {
    Yes,
    No,
}

impl LogOutlet for Outlet {
    fn line(&self, _: &str, line: &LogLine) {
        let rendered = line.render(self.style);
        // A disk that is full, or a terminal that went away, is no reason to stop serving.
        drop(match &self.file {
            Some(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write_all(rendered.as_bytes())
            }
            None => io::stderr().lock().write_all(rendered.as_bytes()),
        });
    }
}
