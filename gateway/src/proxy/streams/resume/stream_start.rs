//! Finds out where a stream starts before it does: an offset from the end, or over several files, names no position.

use nomad_frames::Tracker;
use nomad_wire::query::Origin;
use serde_json::Value;

use super::subrequest::SubrequestClient;
use crate::proxy::streams::resume::{
    resume_point::{ResumePoint, log_file_number},
    stream_options::{StreamCall, StreamOptions},
    stream_writer::ClientFormat,
};

/// Where a stream begins.
#[derive(Debug)]
pub(super) struct StreamStart {
    /// How the agent is asked instead, so that it begins exactly there.
    pub(super) query_changes: Vec<(&'static str, String)>,
    /// Counts from there.
    pub(super) tracker: Tracker,
    /// The place, where its file is known beforehand.
    pub(super) resume_point: Option<ResumePoint>,
}

/// Finds the beginning. Where the caller may not look, the agent's first frame has to be believed.
pub(super) async fn find_start(asking: &mut SubrequestClient, wish: &StreamOptions) -> StreamStart {
    if let Some(place) = &wish.resume_point {
        return start_after(&wish.call, place.clone());
    }
    // The ids of events are positions.
    let is_needed = wish.resume
        || wish.repair_rotation
        || wish.until_dead
        || wish.format == ClientFormat::Events;
    match &wish.call {
        // The newest file, or the oldest, from its first byte.
        StreamCall::Logs { offset: 0, .. } => start_at(0),
        StreamCall::Logs { allocation, stem, origin, offset, .. } if is_needed => {
            let path = format!("/v1/client/fs/ls/{allocation}");
            let listed = asking.fetch_json(&path, &[("path", "alloc/logs")]).await;
            let files = listed.map(|listed| log_files(stem, &listed)).unwrap_or_default();
            start_in_log(&files, stem, (*origin, *offset)).unwrap_or_else(unknown_start)
        }
        StreamCall::File { origin: Origin::Start, offset, .. } => {
            u64::try_from(*offset).map_or_else(|_| unknown_start(), start_at)
        }
        StreamCall::File { allocation, path, origin: Origin::End, offset, .. } if is_needed => {
            let stat = format!("/v1/client/fs/stat/{allocation}");
            let found = asking.fetch_json(&stat, &[("path", path)]).await;
            let size = found.and_then(|found| found["Size"].as_u64());
            match (size, u64::try_from(*offset)) {
                (Some(size), Ok(offset)) => start_from_beginning(size.saturating_sub(offset)),
                _ => unknown_start(),
            }
        }
        StreamCall::Monitor | StreamCall::Logs { .. } | StreamCall::File { .. } => unknown_start(),
    }
}

/// Where the caller was. A log is asked for from the first byte of its newest file, as after a break.
fn start_after(call: &StreamCall, place: ResumePoint) -> StreamStart {
    match call {
        StreamCall::Logs { .. } => {
            let changes = vec![("origin", "end".to_owned()), ("offset", "0".to_owned())];
            StreamStart { query_changes: changes, resume_point: Some(place), ..start_at(0) }
        }
        StreamCall::File { .. } | StreamCall::Monitor => {
            let start = start_from_beginning(place.next_byte);
            StreamStart { resume_point: Some(place), ..start }
        }
    }
}

fn unknown_start() -> StreamStart {
    StreamStart {
        query_changes: Vec::new(),
        tracker: Tracker::from_unknown_position(),
        resume_point: None,
    }
}

fn start_at(offset: u64) -> StreamStart {
    StreamStart {
        query_changes: Vec::new(),
        tracker: Tracker::from_position(offset),
        resume_point: None,
    }
}

fn start_from_beginning(offset: u64) -> StreamStart {
    let changes = vec![("origin", "start".to_owned()), ("offset", offset.to_string())];
    StreamStart { query_changes: changes, ..start_at(offset) }
}

/// The files of a log with their sizes, oldest first.
fn log_files(stem: &str, listed: &Value) -> Vec<(u64, u64)> {
    let name = stem.rsplit('/').next().unwrap_or_default();
    let entries = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut files: Vec<_> = entries
        .iter()
        .filter(|entry| entry["IsDir"] != true)
        .filter_map(|entry| {
            Some((log_file_number(name, entry["Name"].as_str()?)?, entry["Size"].as_u64()?))
        })
        .collect();
    files.sort_unstable();
    files
}

/// The file and the position that an offset means, by the rule by which agents find it: an offset at the end of a file stays
/// in it.
fn start_in_log(
    files: &[(u64, u64)],
    stem: &str,
    (origin, offset): (Origin, i64),
) -> Option<StreamStart> {
    let offset = u64::try_from(offset).ok()?;
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    let from_oldest = match origin {
        Origin::Start => offset.min(total),
        Origin::End => total.saturating_sub(offset),
    };
    let (last, _) = files.last()?;
    let mut next = from_oldest;
    for (number, size) in files {
        if next <= *size || number == last {
            let file = format!("{stem}{number}");
            let place = Some(ResumePoint { file, next_byte: next, is_exact: true });
            let changes = vec![("origin", "start".to_owned()), ("offset", from_oldest.to_string())];
            return Some(StreamStart {
                query_changes: changes,
                tracker: Tracker::from_position(next),
                resume_point: place,
            });
        }
        next -= size;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STEM: &str = "alloc/logs/web.stdout.";

    fn check(origin: Origin, offset: i64, expect: (u64, u64, u64)) {
        let listed = json!([
            {"Name": "web.stderr.0", "Size": 99, "IsDir": false},
            {"Name": "web.stdout.10", "Size": 5, "IsDir": false},
            {"Name": "web.stdout.8", "Size": 10, "IsDir": false},
            {"Name": "web.stdout.9", "Size": 20, "IsDir": false},
            {"Name": ".web.stdout.fifo", "Size": 0, "IsDir": false},
        ]);
        let start = start_in_log(&log_files(STEM, &listed), STEM, (origin, offset)).unwrap();
        let place = start.resume_point.unwrap();
        let asked: u64 = start.query_changes[1].1.parse().unwrap();
        assert_eq!((log_file_number(STEM, &place.file).unwrap(), place.next_byte, asked), expect);
    }

    #[test]
    fn offsets_are_found_as_agents_find_them() {
        check(Origin::Start, 3, (8, 3, 3));
        check(Origin::Start, 10, (8, 10, 10));
        check(Origin::Start, 11, (9, 1, 11));
        check(Origin::Start, 500, (10, 5, 35));
        check(Origin::End, 5, (9, 20, 30));
        check(Origin::End, 7, (9, 18, 28));
        check(Origin::End, 1000, (8, 0, 0));
        assert!(start_in_log(&[], STEM, (Origin::End, 1)).is_none());
    }
}
