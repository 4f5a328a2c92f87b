//! How a call goes on, its query considered: how long its response may take, and whether it may be repeated.

use std::time::Duration;

use http::{Method, Uri};

use super::{Call, Params};
use crate::{Route, spec::RouteClass};

/// The longest a server holds a blocking query: 300 s, a sixteenth on top, and its hold for a lost leader.
const MAX_BLOCKING_QUERY: Duration = Duration::from_secs(330);

/// What changes something is never given up while its agent is alive. The end of this is only for what was forgotten:
/// `max_kill_timeout` and `shutdown_delay`, which a restart waits for, may be any time, and nobody chooses a day.
const MAX_CHANGE: Duration = Duration::from_secs(24 * 3600);

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new class must show every match that has to learn it"
)]
pub enum CallClass {
    /// It changes nothing, and the response begins at once.
    Read,
    /// It changes nothing, and the agent asks others for it, or has much to collect first.
    SlowRead,
    /// It takes this long.
    Profile(Duration),
    /// It waits for a change for at most so long; the server chooses when nothing is said.
    Blocking(Option<Duration>),
    /// It changes something, and may wait for what it brings about.
    Change,
    /// A response that goes on.
    Stream(StreamHead),
    /// The connection will speak another protocol.
    Upgrade,
}

/// When a response that goes on begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream has heartbeats, or has none")]
pub enum StreamHead {
    /// With a heartbeat at the latest.
    Immediate,
    /// With the first byte that there is to send.
    WithFirstByte,
}

/// How long the first byte of a response is waited for, from the end of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new timeout must show every match that has to learn it"
)]
pub enum FirstByte {
    /// So long.
    After(Duration),
    /// As long as the agent answers health checks, but no longer than this.
    WhileAlive(Duration),
    /// For ever: silence is a response.
    Endless,
}

impl FirstByte {
    /// For a plain JSON response. Servers wait up to five seconds for a leader and clients as long for a server, so that a
    /// healthy agent can take a little more than that.
    pub const PLAIN: Duration = Duration::from_secs(15);
}

impl CallClass {
    /// How long the first byte of the response is waited for.
    #[must_use]
    pub fn first_byte(self) -> FirstByte {
        match self {
            Self::Read | Self::Upgrade | Self::Stream(StreamHead::Immediate) => {
                FirstByte::After(FirstByte::PLAIN)
            }
            Self::Profile(time) => FirstByte::After(FirstByte::PLAIN.saturating_add(time)),
            Self::Blocking(wait) => FirstByte::After(
                wait.map_or(MAX_BLOCKING_QUERY, |wait| FirstByte::PLAIN.saturating_add(wait))
                    .max(MAX_BLOCKING_QUERY),
            ),
            Self::SlowRead | Self::Change => FirstByte::WhileAlive(MAX_CHANGE),
            Self::Stream(StreamHead::WithFirstByte) => FirstByte::Endless,
        }
    }

    /// Whether nothing is different afterwards, so that it may be sent twice.
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        match self {
            Self::Read
            | Self::SlowRead
            | Self::Profile(_)
            | Self::Blocking(_)
            | Self::Stream(_) => true,
            Self::Change | Self::Upgrade => false,
        }
    }
}

impl Call {
    /// The class of the call. `upgrade`: the request asks for another protocol.
    #[must_use]
    pub fn class(&self, method: &Method, uri: &Uri, upgrade: bool) -> CallClass {
        match self.route.spec().class {
            RouteClass::Read => CallClass::Read,
            RouteClass::SlowRead => CallClass::SlowRead,
            RouteClass::Profile => match &self.params {
                Ok(Params::Pprof(profile)) => CallClass::Profile(profile.seconds),
                // What the agent refuses at once.
                Ok(_) | Err(_) => CallClass::Read,
            },
            // What is not followed, and what the agent refuses at once, is a read.
            RouteClass::Stream(_) => self.opening().map_or(CallClass::Read, CallClass::Stream),
            RouteClass::Upgrade => CallClass::Upgrade,
            RouteClass::Pass if upgrade => CallClass::Upgrade,
            RouteClass::Pass if matches!(*method, Method::GET | Method::HEAD) => self.pass(uri),
            // Whoever asks with another method wants something changed.
            RouteClass::Change | RouteClass::Pass => CallClass::Change,
        }
    }

    /// A read that servers serve.
    fn pass(&self, uri: &Uri) -> CallClass {
        match &*Route::decoded_path(uri) {
            "/v1/event/stream" => return CallClass::Stream(StreamHead::WithFirstByte),
            "/v1/operator/snapshot" | "/v1/volumes/external" | "/v1/volumes/snapshot" => {
                return CallClass::SlowRead;
            }
            _ => {}
        }
        match &self.common {
            Ok(common) if common.index > 0 => CallClass::Blocking(common.wait),
            // What does not wait, and what a server refuses at once.
            Ok(_) | Err(_) => CallClass::Read,
        }
    }
}
