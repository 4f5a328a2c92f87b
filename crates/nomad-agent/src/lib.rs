//! A reference Nomad agent.

mod duration;
mod log;

pub use self::log::{Entry, LOG_QUEUE, LineStyle, LogFeed, LogHub, LogLine, LogOutlet, Value};
