//! No change is sent twice, however an agent breaks and whoever else could answer. A read is repeated once at most.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod agent;
mod client;

use self::{
    agent::{AgentKind, Break},
    client::{Call, CallResult, ConnectionState, Fallback, send},
};

/// Bodies that are none, that are read ahead, and that are sent on while they come.
const SIZES: [usize; 3] = [0, 200, 100 << 10];

const ALLOC: &str = "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3";
const NODE: &str = "node_id=9bb118cc-7630-ebf4-b8b8-c11ee8847863";

fn changes() -> [Call; 11] {
    let node = |call| format!("/v1/client/{call}?{NODE}");
    let server = |call| format!("/v1/agent/{call}server_id=server1.global");
    [
        Call::new("PUT", format!("{ALLOC}/restart"), Fallback::Relayed),
        Call::new("PUT", format!("{ALLOC}/signal"), Fallback::Relayed),
        Call::new("GET", format!("{ALLOC}/gc"), Fallback::Relayed),
        Call::new("GET", node("gc"), Fallback::Relayed),
        Call::new("PUT", node("gc"), Fallback::Relayed),
        Call::new("POST", node("metadata"), Fallback::Relayed),
        Call::new("PUT", node("identity/renew"), Fallback::Relayed),
        Call::new("PUT", server("join?address=10.0.0.9&"), Fallback::Nowhere),
        Call::new("PUT", server("reload?"), Fallback::Nowhere),
        Call::new("PUT", "/v1/jobs".into(), Fallback::AnyServer),
        Call::new("DELETE", "/v1/job/web?purge=true".into(), Fallback::AnyServer),
    ]
}

fn reads() -> [Call; 6] {
    [
        Call::new("GET", format!("{ALLOC}/stats"), Fallback::Relayed),
        Call::new("GET", format!("/v1/client/metadata?{NODE}"), Fallback::Relayed),
        Call::new("GET", format!("/v1/client/stats?{NODE}"), Fallback::Relayed),
        Call::new("GET", "/v1/agent/self?server_id=server1.global".into(), Fallback::Nowhere),
        Call::new("GET", "/v1/jobs".into(), Fallback::AnyServer),
        Call::new("HEAD", "/v1/jobs".into(), Fallback::AnyServer),
    ]
}

/// Each of these calls to a fleet that breaks in each way.
fn each(
    calls: &[Call],
    check: impl Fn(&Call, (Break, ConnectionState), AgentKind, &CallResult, &str),
) {
    for call in calls {
        for how in Break::ALL {
            for who in [AgentKind::First, AgentKind::Everybody] {
                over_each(call, how, who, &check);
            }
        }
    }
}

fn over_each(
    call: &Call,
    how: Break,
    who: AgentKind,
    check: &impl Fn(&Call, (Break, ConnectionState), AgentKind, &CallResult, &str),
) {
    // A GET or a HEAD has no body.
    let sizes = if matches!(call.method, "GET" | "HEAD") { &SIZES[..1] } else { &SIZES };
    for (over, size) in
        ConnectionState::ALL.into_iter().flat_map(|over| sizes.iter().map(move |n| (over, *n)))
    {
        let told = send(call, how, who, over, size);
        let case = format!("{call:?}, {how:?}, {who:?}, {over:?}, {size} bytes: {told:?}");
        // The task that sends a body sees that the connection is closed before it writes.
        let has_body = size > 0 && over == ConnectionState::Kept;
        check(
            call,
            (how, if has_body { ConnectionState::KeptAndClosed } else { over }),
            who,
            &told,
            &case,
        );
    }
}

#[test]
fn no_change_is_sent_twice() {
    each(&changes(), |call, breaks, who, told, case| {
        assert!(told.times_read <= 1, "sent twice: {case}");
        let expected = match breaks {
            (Break::Refuses, ConnectionState::New | ConnectionState::KeptAndClosed) => {
                call.unreached(who)
            }
            // Nothing was written, and a new connection is as good as ever.
            (Break::ClosesKept, ConnectionState::New | ConnectionState::KeptAndClosed) => {
                (200, true)
            }
            // Its response began.
            (Break::HalfResponse, _) => (200, false),
            // Nobody knows what became of what was written.
            (
                Break::Refuses
                | Break::ClosesAtOnce
                | Break::ClosesKept
                | Break::AfterHead
                | Break::AfterHalfBody
                | Break::AfterBody
                | Break::HalfHead
                | Break::Informational,
                _,
            ) => (502, true),
        };
        assert_eq!((told.status, told.is_whole), expected, "{case}");
    });
}

#[test]
fn a_read_is_repeated_once_at_most() {
    each(&reads(), |call, breaks, who, told, case| {
        assert!(told.times_read <= 2, "repeated twice: {case}");
        // By another one: an agent in whose stead nobody can answer is not asked again.
        let is_repeated = call.fallback != Fallback::Nowhere;
        // All take new connections.
        let is_answered = who == AgentKind::First || matches!(breaks.0, Break::ClosesKept);
        let repeated = (if is_repeated && is_answered { 200 } else { 502 }, true);
        let expected = match breaks {
            (Break::Refuses, ConnectionState::New | ConnectionState::KeptAndClosed) => {
                call.unreached(who)
            }
            (Break::ClosesKept, ConnectionState::New | ConnectionState::KeptAndClosed) => {
                (200, true)
            }
            (Break::HalfResponse, _) => (200, call.method == "HEAD"),
            _ => repeated,
        };
        assert_eq!((told.status, told.is_whole), expected, "{case}");
    });
}
