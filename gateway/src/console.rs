//! What a person at the terminal sees.

use std::{
    error::Error,
    io::{self, Write as _},
};

use nomad_agent::{LineStyle, LogLine, LogOutlet};

/// Writes log lines to standard error, each with the name of the agent it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Console;

impl LogOutlet for Console {
    fn line(&self, agent: &str, line: &LogLine) {
        let rendered = line.render(LineStyle::new());
        // A terminal that went away is no reason to stop serving.
        drop(write!(io::stderr().lock(), "{agent}: {rendered}"));
    }
}

/// Says something on standard output. A reader that went away is no error.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
}

/// Says on standard error why the program ends, with every cause.
pub fn complain(error: &dyn Error) {
    let mut text = format!("nomad-gateway: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    drop(writeln!(io::stderr().lock(), "{text}"));
}
