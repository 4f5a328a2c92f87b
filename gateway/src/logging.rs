//! Log output that never makes a request wait for a slow reader.

pub mod console;
pub(crate) mod line_writer;
