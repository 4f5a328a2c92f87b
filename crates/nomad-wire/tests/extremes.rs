//! Extreme values in every key that a call reads: nothing panics, and no fault is an agent's that Nomad does not blame on
//! itself.

use http::{Response, StatusCode};
use nomad_wire::{
    HttpError, Query, QueryError,
    query::{
        CatQuery, ExecQuery, ExportQuery, ListQuery, LogsQuery, MonitorQuery, PprofQuery,
        QueryOptions, ReadAtQuery, StatQuery, StreamQuery,
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

fn error(read: Result<(), QueryError>) -> Option<HttpError> {
    read.err().map(HttpError::from)
}

/// What every call makes of a query, and whether Nomad says 500 to faults of its own parameters there.
fn read(text: &str) -> Vec<(bool, Option<HttpError>)> {
    let (query, id) = (Query::new(text), "13651909-dd6d-35ce-5da0-5004769668b3".into());
    vec![
        (false, error(QueryOptions::parse(&query).map(drop))),
        (false, error(MonitorQuery::parse(&query).map(drop))),
        (false, error(ExportQuery::parse(&query).map(drop))),
        (false, error(PprofQuery::parse(&query).map(drop))),
        (false, error(ListQuery::parse(&id, &query).map(drop))),
        (false, error(StatQuery::parse(&id, &query).map(drop))),
        (false, error(CatQuery::parse(&id, &query).map(drop))),
        (false, error(LogsQuery::parse(&id, &query).map(drop))),
        (true, error(ReadAtQuery::parse(&id, &query).map(drop))),
        (true, error(StreamQuery::parse(&id, &query).map(drop))),
        (true, error(ExecQuery::parse(&query).map(drop))),
    ]
}

#[test]
fn an_extreme_value_is_read_or_refused_as_a_client_error() {
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
                assert!(Query::new(&text).with_param("node_id", "x").contains("node_id=x"));
            }
        }
    }
    assert!(tried >= 3_840, "{tried} values");
}
