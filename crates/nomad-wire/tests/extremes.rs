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

/// Numbers, times, flags and texts at and beyond their ends.
const VALUES: &[&str] = &[
    "",
    "0",
    "-0",
    "+0",
    "-1",
    "1",
    "00",
    "0x7f",
    "0b1",
    "1_000",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e309",
    "-1e309",
    "NaN",
    "Inf",
    "1.5",
    ".",
    "-",
    "+",
    "%2B1",
    "0s",
    "-1s",
    "1ns",
    "1us",
    "1%C2%B5s",
    "2562047h47m16.854775807s",
    "2562047h47m16.854775808s",
    "9223372036854775807h",
    "1h1h1h",
    "1.0000000000000000000001s",
    ".5s",
    "s",
    "1x",
    "true",
    "TRUE",
    "tRuE",
    "T",
    "false",
    "maybe",
    "%00",
    "%FF",
    "%zz",
    "%",
    "%2",
    "a%00b",
    ";",
    "a;b",
    "=",
    "%26",
    "%D9%A3",
    "%F0%9F%9A%80",
    "%5B%5D",
    "%5B1%5D",
    "%5B%22%00%22%5D",
];

/// No number has so many digits.
const DIGITS: usize = 10_000;

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
        for value in VALUES.iter().copied().chain([&*"9".repeat(DIGITS)]) {
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
