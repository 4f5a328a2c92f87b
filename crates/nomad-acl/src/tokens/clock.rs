//! The clock, as an argument.

use std::time::Duration;

use jiff::Timestamp;

/// Where the time comes from. A program gives the machine's clocks, a test gives its own.
pub trait Clock: Send + Sync + 'static {
    /// The time since some fixed moment; it never goes back. Freshness is counted with it.
    fn elapsed(&self) -> Duration;

    /// The time of day. Tokens expire by it.
    fn now(&self) -> Timestamp;
}

impl<C: Clock> Clock for std::sync::Arc<C> {
    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }

    fn now(&self) -> Timestamp {
        (**self).now()
    }
}
