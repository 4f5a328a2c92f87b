//! How long an agent may take until its answer begins. The time counts from the end of the upload.

use std::time::Duration;

use http::Uri;
use nomad_wire::{Query, query::Common};

use super::class::{Class, Opening};

/// A plain JSON answer. Servers wait up to five seconds for a leader and clients as long for a server, so that a
/// healthy agent can take a little more than that.
const ANSWER: Duration = Duration::from_secs(15);

/// The longest a server holds a blocking query: 300 s, a sixteenth on top, and its hold for a lost leader.
const LONGEST_BLOCK: Duration = Duration::from_secs(330);

/// What changes something is never given up while its agent is alive. The end of this is only for what was forgotten:
/// `max_kill_timeout` and `shutdown_delay`, which a restart waits for, may be any time, and nobody chooses a day.
const LONGEST_CHANGE: Duration = Duration::from_secs(24 * 3600);

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// So long.
    Within(Duration),
    /// As long as the agent answers health checks, but no longer than this.
    WhileAlive(Duration),
    /// For ever: silence is an answer.
    Endless,
}

impl Patience {
    /// How long the answer to a call of this class is waited for.
    pub(super) fn with(class: Class) -> Self {
        match class {
            Class::Read | Class::Upgrade | Class::Stream(Opening::AtOnce) => Self::Within(ANSWER),
            Class::Profile(time) => Self::Within(ANSWER.saturating_add(time)),
            Class::Blocking(wait) => Self::Within(
                wait.map_or(LONGEST_BLOCK, |wait| ANSWER.saturating_add(wait)).max(LONGEST_BLOCK),
            ),
            Class::SlowRead | Class::Change => Self::WhileAlive(LONGEST_CHANGE),
            Class::Stream(Opening::WithFirstByte) => Self::Endless,
        }
    }
}

/// The limit for the whole answer to a question of our own.
pub(crate) fn question(uri: &Uri) -> Duration {
    let wait = Common::parse(&Query::of(uri)).ok().and_then(|common| common.wait);
    wait.map_or(ANSWER, |wait| ANSWER + wait + wait / 16)
}
