//! The log file of an agent.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use super::{
    hub::LogOutlet,
    line::{LineStyle, LogLine},
};

/// Appends every line to one file.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    style: LineStyle,
}

/// Gives every line to two outlets.
pub(crate) struct Tee(pub(crate) Arc<dyn LogOutlet>, pub(crate) Arc<dyn LogOutlet>);

impl LogFile {
    /// Opens the file for appending, and makes it with its directories when there is none.
    pub(crate) fn open(path: &Path, style: LineStyle) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)?, style })
    }
}

impl LogOutlet for LogFile {
    fn line(&self, _: &str, line: &LogLine) {
        // One write a line to a file that is opened for appending: lines of several threads never mix. A disk that is
        // full must not stop the agent, and there is nowhere else to say so.
        let _ = (&self.file).write_all(line.render(self.style).as_bytes());
    }
}

impl LogOutlet for Tee {
    fn line(&self, agent: &str, line: &LogLine) {
        self.0.line(agent, line);
        self.1.line(agent, line);
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tee")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_to_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nomad.log");
        std::fs::write(&path, "earlier\n").unwrap();
        let file: Arc<dyn LogOutlet> = Arc::new(LogFile::open(&path, LineStyle::new()).unwrap());
        Tee(Arc::clone(&file), file).line("a", &LogLine::plain("twice"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("earlier\n1970-01-01T00:00:00.000Z [INFO]  twice\n"), "{text}");
        assert_eq!(text.matches("twice").count(), 2);
    }
}
