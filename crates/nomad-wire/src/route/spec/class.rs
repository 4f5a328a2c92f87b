//! How a call goes on.

/// The class of a call, as far as the call alone decides it; its query may decide the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new class must show every match that has to learn it"
)]
pub enum RouteClass {
    /// It changes nothing, and the response begins at once.
    Read,
    /// It changes nothing, and the agent asks others for it, or has much to collect first.
    SlowRead,
    /// It takes the seconds that its query names.
    Profile,
    /// It changes something, and may wait for what it brings about.
    Change,
    /// Its response may go on.
    Stream(Stream),
    /// The connection will speak another protocol.
    Upgrade,
    /// Method, path and query decide.
    Pass,
}

/// What is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new stream must show every match that has to learn it"
)]
pub enum Stream {
    /// An agent's own log, as it is written.
    Monitor,
    /// An agent's log file, or the journal of a service.
    Export,
    /// A task's log.
    Logs,
    /// A file of an allocation.
    File,
    /// The data of an allocation, as a tar.
    Snapshot,
}
