//! Writes log lines without making anyone wait for whoever reads them.

pub mod console;
pub(crate) mod line_writer;
