//! What a person at the terminal sees.

use std::{
    error::Error,
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    panic::PanicHookInfo,
    sync::mpsc,
    thread,
    time::Duration,
};

use nomad_agent::{LineStyle, LogLine, LogSink, LogValue};
use tracing::Level;

use crate::{
    StartError,
    logging::line_writer::{LineWriter, WriterEvents},
};

/// So many lines of the own log may wait for a slow reader. More are lost, and counted.
const QUEUE_CAPACITY: usize = 4096;

/// A word to the terminal may take so long. Who has stopped reading stops nobody.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// Lines of this library at WARN are about what one caller did on its connection: as many as that caller likes.
const NOISY_MODULES: &str = "h2.";

/// Writes log lines to standard error. Cheap to clone: all clones share one queue, and one thread writes.
#[derive(Debug, Clone)]
pub struct Console {
    lines: LineWriter,
    style: LineStyle,
    shows_agent_names: bool,
}

impl Console {
    /// Text, each line with the name of the agent it comes from.
    ///
    /// # Errors
    /// [`StartError::Console`] when standard error cannot be used or the thread that writes cannot be started.
    pub fn start() -> Result<Self, StartError> {
        Self::new(LineStyle::new(), true)
    }

    /// Lines of this style, without names.
    ///
    /// # Errors
    /// As [`Console::start`].
    pub fn without_agent_names(style: LineStyle) -> Result<Self, StartError> {
        Self::new(style, false)
    }

    fn new(style: LineStyle, is_named: bool) -> Result<Self, StartError> {
        // A handle of its own: the library's is locked while it writes, and whoever else speaks would wait for it.
        let own = io::stderr().as_fd().try_clone_to_owned().map_err(StartError::Console)?;
        let lines = LineWriter::start("log", QUEUE_CAPACITY, File::from(own), LossNotice { style });
        Ok(Self { lines: lines.map_err(StartError::Console)?, style, shows_agent_names: is_named })
    }

    /// How many lines were lost so far.
    #[must_use]
    pub fn lines_lost(&self) -> u64 {
        self.lines.lines_lost()
    }

    /// Waits until everything is written, but not for ever.
    pub fn flush(&self) {
        self.lines.flush_blocking();
    }

    /// From now on a panic is a line of the log too: the library's own words about it would wait for the reader.
    pub fn log_panics(&self) {
        let console = self.clone();
        std::panic::set_hook(Box::new(move |panic| {
            tracing::error!(at = %panic_location(panic), why = panic_message(panic), "a task panicked");
            if thread::current().name() == Some("main") {
                console.flush();
            }
        }));
    }
}

fn panic_location(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map(ToString::to_string).unwrap_or_default()
}

fn panic_message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no words")
}

impl LogSink for Console {
    fn write_line(&self, agent: &str, line: &LogLine) {
        if line.level == Level::WARN && line.name.starts_with(NOISY_MODULES) {
            return;
        }
        let rendered = line.render(self.style);
        let rendered =
            if self.shows_agent_names { format!("{agent}: {rendered}") } else { rendered };
        self.lines.write(rendered.into_bytes());
    }
}

/// Says in the log itself what is missing from it.
struct LossNotice {
    style: LineStyle,
}

impl WriterEvents for LossNotice {
    fn write_failed(&mut self, _: &io::Error) {
        // There is nowhere to say it; the metric counts.
    }

    fn write_resumed(&mut self, lost: u64) -> Option<Vec<u8>> {
        let text = "lines of this log were lost: they could not be written as fast as they came";
        let mut line = LogLine::new(Level::WARN, "log", text);
        line.fields.push(("lost", LogValue::Uint(lost)));
        Some(line.render(self.style).into_bytes())
    }
}

/// Says something on standard output. A reader that went away, or has stopped reading, is no error.
pub fn print(text: &str) {
    let text = text.to_owned();
    write_with_timeout(move || {
        let mut out = io::stdout().lock();
        drop(out.write_all(text.as_bytes()));
        drop(out.flush());
    });
}

/// Says on standard error why the program ends, with every cause.
pub fn print_error(error: &dyn Error) {
    let mut text = format!("nomad-gateway: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    write_with_timeout(move || drop(writeln!(io::stderr().lock(), "{text}")));
}

/// Does it in a thread of its own, which is waited for but not for ever.
fn write_with_timeout(write: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let started = thread::Builder::new().name("say".to_owned()).spawn(move || {
        write();
        // Nobody waits any more when it took too long.
        let _given_up = done.send(());
    });
    if started.is_ok() {
        let _in_time = is_done.recv_timeout(WRITE_TIMEOUT);
    }
}
