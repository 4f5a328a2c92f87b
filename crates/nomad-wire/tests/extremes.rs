//! Extreme values in every key that a call reads: nothing panics, and no fault is an agent's that Nomad does not blame on
//! itself.

use http::{Response, StatusCode};
use nomad_wire::{
    Fault, Query, QueryError,
    query::{
        CatQuery, Common, ExecQuery, ExportQuery, ListQuery, LogsQuery, MonitorQuery, PprofQuery,
        ReadAtQuery, StatQuery, StreamQuery,
    },
};

#[path = "extremes/values.rs"]
mod values;

use self::values::values;

const KEYS: [&str; 20] = [
    "wait",
    "index",
    "stale",
    "pretty",
    "per_page",
    "offset",
    "limit",
    "origin",
    "follow",
    "plain",
    "type",
    "task",
    "path",
    "log_level",
    "seconds",
    "debug",
    "gc",
    "command",
    "tty",
    "node_id",
];

fn fault(read: Result<(), QueryError>) -> Option<Fault> {
    read.err().map(Fault::from)
}

/// What every call makes of a query, and whether Nomad says 500 to faults of its own parameters there.
fn read(text: &str) -> Vec<(bool, Option<Fault>)> {
    let (query, id) = (Query::new(text), "13651909-dd6d-35ce-5da0-5004769668b3".into());
    vec![
        (false, fault(Common::parse(&query).map(drop))),
        (false, fault(MonitorQuery::parse(&query).map(drop))),
        (false, fault(ExportQuery::parse(&query).map(drop))),
        (false, fault(PprofQuery::parse(&query).map(drop))),
        (false, fault(ListQuery::parse(&id, &query).map(drop))),
        (false, fault(StatQuery::parse(&id, &query).map(drop))),
        (false, fault(CatQuery::parse(&id, &query).map(drop))),
        (false, fault(LogsQuery::parse(&id, &query).map(drop))),
        (true, fault(ReadAtQuery::parse(&id, &query).map(drop))),
        (true, fault(StreamQuery::parse(&id, &query).map(drop))),
        (true, fault(ExecQuery::parse(&query).map(drop))),
    ]
}

#[test]
fn an_extreme_value_is_read_or_refused_as_the_callers_fault() {
    let mut tried = 0;
    for key in KEYS {
        for value in values() {
            for rest in [
                "",
                "&follow=true",
                "&path=a&offset=1",
                "&task=a&type=stdout&command=%5B%22a%22%5D",
            ] {
                tried += 1;
                let text = format!("{key}={value}{rest}");
                for (says_500, fault) in read(&text) {
                    let Some(fault) = fault else { continue };
                    let is_callers = fault.status() == StatusCode::BAD_REQUEST;
                    assert!(is_callers || says_500, "{text}: {fault:?}");
                    assert!(fault.status() != StatusCode::OK && !fault.text().is_empty(), "{text}");
                    let answer: Response<bytes::Bytes> = fault.into_response();
                    assert!(answer.body().len() < 3 * text.len() + 200, "{text}");
                }
                assert!(Query::new(&text).with("node_id", "x").contains("node_id=x"));
            }
        }
    }
    assert!(tried >= 3_840, "{tried} values");
}
