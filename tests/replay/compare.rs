//! The differences between two responses.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{ours::OurResponse, recorded::RecordedCall, world::ReplayCluster};

/// Headers that matter to a client.
const HEADERS: [&str; 11] = [
    "content-type",
    "content-encoding",
    "content-disposition",
    "x-content-type-options",
    "location",
    "vary",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "x-nomad-index",
    "x-nomad-knownleader",
];

/// Maps whose keys are processes, mounts and variables of the machine.
const OF_THE_MACHINE: [&str; 3] = ["/Pids", "/Disk", "/Environment"];

/// One difference: the recorded value, then ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Difference {
    Status(u16, u16, String),
    Header(&'static str, Option<String>, Option<String>),
    Text(String, String),
    /// The body of a file.
    Content(usize, usize),
    /// A key that is missing or has another type.
    Missing(String),
    /// A key that was not recorded.
    Added(String),
    /// Whether the stream continued.
    Open(bool, bool),
    /// The content of the frames.
    Frames(String, String),
}

pub(super) fn compare(
    world: &ReplayCluster,
    call: &RecordedCall,
    ours: &OurResponse,
) -> Vec<Difference> {
    if call.status != ours.status {
        return vec![Difference::Status(call.status, ours.status, world.masked(&ours.text()))];
    }
    let mut found = Vec::new();
    for name in HEADERS {
        let (theirs, own) = (call.header(name), ours.header(name));
        if sorted(theirs.as_deref()) != sorted(own.as_deref()) {
            found.push(Difference::Header(name, theirs, own));
        }
    }
    if call.is_cut != ours.is_cut {
        found.push(Difference::Open(call.is_cut, ours.is_cut));
    }
    body(world, call, ours, &mut found);
    found
}

/// `Vary` may come in several headers and in any order.
fn sorted(value: Option<&str>) -> Option<Vec<&str>> {
    value.map(|value| {
        let mut parts: Vec<_> = value.split(", ").collect();
        parts.sort_unstable();
        parts
    })
}

fn body(
    world: &ReplayCluster,
    call: &RecordedCall,
    ours: &OurResponse,
    found: &mut Vec<Difference>,
) {
    if call.method == "HEAD" {
    } else if let Some(frames) = &call.frames {
        compare_frames(call, frames, ours, found);
    } else if let (Some(shape), false) = (&call.shape, call.is_cut) {
        match serde_json::from_slice::<Value>(&ours.body) {
            Ok(value) => compare_shape("", shape, &value, found),
            Err(_) => found.push(Difference::Text(call.text(), ours.text())),
        }
    } else if call.is_cut || call.is_truncated {
        if ours.body.len() as u64 != call.length && !call.is_cut {
            found.push(Difference::Content(call.length as usize, ours.body.len()));
        } else if call.is_truncated && !call.is_cut && !ours.body.starts_with(&call.body) {
            found.push(Difference::Content(call.body.len(), ours.body.len()));
        }
    } else {
        let (theirs, own) = (world.masked(&call.text()), world.masked(&ours.text()));
        if theirs != own {
            found.push(Difference::Text(theirs, own));
        }
    }
}

fn compare_frames(
    call: &RecordedCall,
    frames: &Value,
    ours: &OurResponse,
    found: &mut Vec<Difference>,
) {
    let values = serde_json::Deserializer::from_slice(&ours.body).into_iter::<Value>();
    // The incomplete frame at the end does not count.
    let own: Vec<Value> = values.map_while(Result::ok).collect();
    let kinds = |mut kinds: Vec<String>| {
        kinds.sort();
        kinds.dedup();
        kinds.retain(|kind| kind != "heartbeat");
        kinds.join(" ")
    };
    let theirs = frames["kinds"].as_array().unwrap().iter();
    let theirs = kinds(theirs.map(|kind| kind[0].as_str().unwrap().to_owned()).collect());
    let ours_kinds = kinds(own.iter().map(kind).collect());
    if theirs != ours_kinds {
        found.push(Difference::Frames(theirs, ours_kinds));
    }
    if call.is_cut {
        return;
    }
    for (file, recorded) in frames["files"].as_object().unwrap() {
        let frames = own.iter().filter(|frame| frame["File"].as_str().unwrap_or_default() == file);
        let data = frames.filter_map(|frame| frame["Data"].as_str());
        let bytes: usize = data.map(|data| BASE64_STANDARD.decode(data).unwrap().len()).sum();
        let theirs = recorded["bytes"].as_u64().unwrap() as usize;
        if bytes != theirs {
            found.push(Difference::Content(theirs, bytes));
        }
    }
}

fn kind(frame: &Value) -> String {
    let keys: Vec<_> = frame.as_object().unwrap().keys().map(String::as_str).collect();
    if keys.is_empty() { "heartbeat".to_owned() } else { keys.join("+") }
}

/// A recorded list is the list of the shapes of its elements.
fn compare_shape(place: &str, shape: &Value, ours: &Value, found: &mut Vec<Difference>) {
    match (shape, ours) {
        (Value::Object(_), Value::Object(_))
            if OF_THE_MACHINE.iter().any(|key| place.ends_with(key)) => {}
        (Value::Object(keys), Value::Object(values)) => {
            for (key, shape) in keys {
                let place = format!("{place}/{key}");
                match values.get(key) {
                    Some(value) => compare_shape(&place, shape, value, found),
                    None => found.push(Difference::Missing(place)),
                }
            }
            let added = values.keys().filter(|key| !keys.contains_key(*key));
            found.extend(added.map(|key| Difference::Added(format!("{place}/{key}"))));
        }
        (Value::Array(shapes), Value::Array(values)) => {
            if let (Some(shape), Some(value)) = (shapes.first(), values.first()) {
                compare_shape(&format!("{place}/0"), shape, value, found);
            } else if shapes.is_empty() != values.is_empty() {
                found.push(Difference::Missing(place.to_owned()));
            }
        }
        (Value::String(kind), value) if matches_kind(kind, value) => {}
        _ => found.push(Difference::Missing(format!("{place} ({ours})"))),
    }
}

fn matches_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "str" => value.is_string(),
        "num" => value.is_number(),
        "bool" => value.is_boolean(),
        _ => value.is_null(),
    }
}

impl ReplayCluster {
    /// A text without the parts that always differ between two clusters: ports, data directories, and the number of
    /// relays.
    fn masked(&self, text: &str) -> String {
        let dir = self.data.path().to_string_lossy();
        let text = text.replace(&*dir, &format!("/srv/nomad/{}", self.names.cluster));
        let text = text.replace("rpc error: ", "");
        let mut parts = text.split("127.0.0.1:");
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            masked.push_str("127.0.0.1:port");
            masked.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        masked
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(160).collect::<String>();
        match self {
            Self::Status(theirs, ours, text) => {
                write!(f, "status {theirs} -> {ours} {:?}", short(text))
            }
            Self::Header(name, theirs, ours) => write!(f, "{name} {theirs:?} -> {ours:?}"),
            Self::Text(theirs, ours) => write!(f, "text {:?} -> {:?}", short(theirs), short(ours)),
            Self::Content(theirs, ours) => write!(f, "content {theirs} -> {ours} bytes"),
            Self::Missing(place) => write!(f, "missing {place}"),
            Self::Added(place) => write!(f, "added {place}"),
            Self::Open(theirs, ours) => write!(f, "open {theirs} -> {ours}"),
            Self::Frames(theirs, ours) => write!(f, "frames {theirs:?} -> {ours:?}"),
        }
    }
}
