//! The live log of one agent.
//!
//! Every agent has a log of its own, also where several agents share a process: a [`LogHub`] is a tracing
//! subscriber that hands each event to the current receivers. A [`LogReceiver`] has a level and a bounded queue of
//! its own; nothing is stored for later receivers, and one that is too slow loses lines and gets their number.
//!
//! The name of a line (`http`, `client`, `nomad`) is the event's target; its message and fields are the event's
//! own. A field called `duration` holds nanoseconds. With [`LogHub::show_spans`] the fields of the enclosing spans
//! follow those of the event.

mod file_sink;
mod hub;
mod layer;
mod line;
mod queue;
mod span;

pub(crate) use self::file_sink::{FileSink, TeeSink};
pub use self::hub::{LogHub, LogReceiver, LogSink};
pub use self::line::{LineStyle, LogLine, LogValue};
pub use self::queue::{LOG_QUEUE_CAPACITY, LogEntry};
