//! How long an agent may take until its answer begins.

use std::time::Duration;

use http::Uri;
use nomad_wire::{AllocCall, FsCall, Query, Route, query::Common, query::PprofQuery};

/// A plain JSON answer. Servers wait up to five seconds for a leader and clients as long for a server, so that a
/// healthy agent can take a little more than that.
const ANSWER: Duration = Duration::from_secs(15);

/// The longest a server holds a blocking query: 300 s, a sixteenth on top, and its hold for a lost leader.
const LONGEST_BLOCK: Duration = Duration::from_secs(330);

/// The limit for a call; `None` where silence is an answer: a plain stream sends no head before its first byte.
pub(super) fn first_byte(route: &Route, uri: &Uri) -> Option<Duration> {
    let query = Query::of(uri);
    match route {
        Route::Monitor | Route::MonitorExport | Route::Fs(FsCall::Logs, _) if is_plain(&query) => {
            None
        }
        Route::Allocation(AllocCall::Snapshot, _) => None,
        Route::Pprof(_) => {
            Some(ANSWER + PprofQuery::parse(&query).map_or(ANSWER, |query| query.seconds))
        }
        Route::Pass => {
            Some(block(&query).map_or(LONGEST_BLOCK, |wait| ANSWER + wait).max(LONGEST_BLOCK))
        }
        _ => Some(ANSWER),
    }
}

/// The limit for the whole answer to a question of our own.
pub(crate) fn question(uri: &Uri) -> Duration {
    block(&Query::of(uri)).map_or(ANSWER, |wait| ANSWER + wait + wait / 16)
}

/// A framed stream has its first heartbeat after a second.
fn is_plain(query: &Query<'_>) -> bool {
    query.filled("plain").is_some_and(|plain| plain.starts_with(['1', 't', 'T']))
}

fn block(query: &Query<'_>) -> Option<Duration> {
    Common::parse(query).ok()?.wait
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn limit(uri: &'static str) -> Option<Duration> {
        let uri = Uri::from_static(uri);
        first_byte(&Route::parse(&Method::GET, &uri).unwrap(), &uri)
    }

    #[test]
    fn streams_that_may_be_silent_have_no_limit() {
        assert_eq!(limit("/v1/agent/monitor?plain=true"), None);
        assert_eq!(limit("/v1/agent/monitor"), Some(ANSWER));
        assert_eq!(limit("/v1/client/fs/logs/x?plain=True&follow=true"), None);
    }

    #[test]
    fn blocking_queries_and_profiles_have_their_own_time() {
        assert_eq!(limit("/v1/jobs?index=3&wait=10m"), Some(Duration::from_secs(615)));
        assert_eq!(limit("/v1/jobs"), Some(LONGEST_BLOCK));
        assert_eq!(
            limit("/v1/agent/pprof/profile?seconds=30"),
            Some(ANSWER + Duration::from_secs(30))
        );
    }
}
