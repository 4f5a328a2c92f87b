//! Accepts connections and speaks TLS and HTTP on them; shutdown, worker threads, and limits by client address.

pub(crate) mod limiter;
pub(crate) mod linger;
pub mod listener;
pub(crate) mod shutdown;
pub(crate) mod signals;
pub mod tls;
pub mod workers;
