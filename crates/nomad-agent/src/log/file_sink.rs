//! The log file of an agent.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use super::{
    hub::LogSink,
    line::{LineStyle, LogLine},
};

/// Appends every line to one file.
#[derive(Debug)]
pub(crate) struct FileSink {
    file: File,
    style: LineStyle,
}

/// Passes every line to two sinks.
pub(crate) struct TeeSink(pub(crate) Arc<dyn LogSink>, pub(crate) Arc<dyn LogSink>);

impl FileSink {
    /// Opens the file for appending; creates it and its directories if needed.
    pub(crate) fn open(path: &Path, style: LineStyle) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)?, style })
    }
}

impl LogSink for FileSink {
    fn write_line(&self, _: &str, line: &LogLine) {
        // One write per line, to a file opened for appending: lines of several threads never mix. A full disk must
        // not stop the agent, and there is no other place to report it.
        let _ = (&self.file).write_all(line.render(self.style).as_bytes());
    }
}

impl LogSink for TeeSink {
    fn write_line(&self, agent: &str, line: &LogLine) {
        self.0.write_line(agent, line);
        self.1.write_line(agent, line);
    }
}

impl fmt::Debug for TeeSink {
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
        let file: Arc<dyn LogSink> = Arc::new(FileSink::open(&path, LineStyle::new()).unwrap());
        TeeSink(Arc::clone(&file), file).write_line("a", &LogLine::plain("twice"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("earlier\n1970-01-01T00:00:00.000Z [INFO]  twice\n"), "{text}");
        assert_eq!(text.matches("twice").count(), 2);
    }
}
