//! Where the log lines of a lone agent go, beside its log file.

use std::io::{self, Write as _};

use nomad_agent::{LineStyle, LogLine, LogOutlet};

/// Standard error.
#[derive(Debug)]
pub(super) struct Outlet {
    style: LineStyle,
}

impl Outlet {
    /// Lines as text, or as JSON when the style says so.
    pub(super) const fn new(style: LineStyle) -> Self {
        Self { style }
    }
}

impl LogOutlet for Outlet {
    fn line(&self, _: &str, line: &LogLine) {
        // A terminal that went away is no reason to stop serving.
        drop(io::stderr().lock().write_all(line.render(self.style).as_bytes()));
    }
}
