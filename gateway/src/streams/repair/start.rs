//! Where a stream begins, found out before it does: an offset from the end, or over several files, says no position.

use nomad_frames::Tracker;
use nomad_wire::query::Origin;
use serde_json::Value;

use super::{
    asking::Asking,
    outlet::Shape,
    place::{Place, number},
    wish::{Call, Wish},
};

/// Where a stream begins.
#[derive(Debug)]
pub(super) struct Start {
    /// How the agent is asked instead, so that it begins exactly there.
    pub(super) changes: Vec<(&'static str, String)>,
    /// Counts from there.
    pub(super) tracker: Tracker,
    /// The place, where its file is known beforehand.
    pub(super) place: Option<Place>,
}

/// Finds the beginning. Where the caller may not look, the agent's first frame has to be believed.
pub(super) async fn find(asking: &mut Asking, wish: &Wish) -> Start {
    if let Some(place) = &wish.after {
        return after(&wish.call, place.clone());
    }
    // The ids of events are positions.
    let is_needed = wish.resume || wish.repair || wish.until_dead || wish.shape == Shape::Events;
    match &wish.call {
        // The newest file, or the oldest, from its first byte.
        Call::Logs { offset: 0, .. } => at(0),
        Call::Logs { allocation, stem, origin, offset, .. } if is_needed => {
            let path = format!("/v1/client/fs/ls/{allocation}");
            let listed = asking.json(&path, &[("path", "alloc/logs")]).await;
            let files = listed.map(|listed| files(stem, &listed)).unwrap_or_default();
            in_log(&files, stem, (*origin, *offset)).unwrap_or_else(anywhere)
        }
        Call::File { origin: Origin::Start, offset, .. } => {
            u64::try_from(*offset).map_or_else(|_| anywhere(), at)
        }
        Call::File { allocation, path, origin: Origin::End, offset, .. } if is_needed => {
            let stat = format!("/v1/client/fs/stat/{allocation}");
            let found = asking.json(&stat, &[("path", path)]).await;
            let size = found.and_then(|found| found["Size"].as_u64());
            match (size, u64::try_from(*offset)) {
                (Some(size), Ok(offset)) => from_start(size.saturating_sub(offset)),
                _ => anywhere(),
            }
        }
        Call::Monitor | Call::Logs { .. } | Call::File { .. } => anywhere(),
    }
}

/// Where the caller was. A log is asked for from the first byte of its newest file, as after a break.
fn after(call: &Call, place: Place) -> Start {
    match call {
        Call::Logs { .. } => {
            let changes = vec![("origin", "end".to_owned()), ("offset", "0".to_owned())];
            Start { changes, place: Some(place), ..at(0) }
        }
        Call::File { .. } | Call::Monitor => {
            let start = from_start(place.next);
            Start { place: Some(place), ..start }
        }
    }
}

fn anywhere() -> Start {
    Start { changes: Vec::new(), tracker: Tracker::starting_anywhere(), place: None }
}

fn at(offset: u64) -> Start {
    Start { changes: Vec::new(), tracker: Tracker::starting_at(offset), place: None }
}

fn from_start(offset: u64) -> Start {
    let changes = vec![("origin", "start".to_owned()), ("offset", offset.to_string())];
    Start { changes, ..at(offset) }
}

/// The files of a log with their sizes, oldest first.
fn files(stem: &str, listed: &Value) -> Vec<(u64, u64)> {
    let name = stem.rsplit('/').next().unwrap_or_default();
    let entries = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut files: Vec<_> = entries
        .iter()
        .filter(|entry| entry["IsDir"] != true)
        .filter_map(|entry| Some((number(name, entry["Name"].as_str()?)?, entry["Size"].as_u64()?)))
        .collect();
    files.sort_unstable();
    files
}

/// The file and the position that an offset means, by the rule by which agents find it: an offset at the end of a file stays
/// in it.
fn in_log(files: &[(u64, u64)], stem: &str, (origin, offset): (Origin, i64)) -> Option<Start> {
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
            let place = Some(Place { file, next, is_sure: true });
            let changes = vec![("origin", "start".to_owned()), ("offset", from_oldest.to_string())];
            return Some(Start { changes, tracker: Tracker::starting_at(next), place });
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
        let start = in_log(&files(STEM, &listed), STEM, (origin, offset)).unwrap();
        let place = start.place.unwrap();
        let asked: u64 = start.changes[1].1.parse().unwrap();
        assert_eq!((number(STEM, &place.file).unwrap(), place.next, asked), expect);
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
        assert!(in_log(&[], STEM, (Origin::End, 1)).is_none());
    }
}
