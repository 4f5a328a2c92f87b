//! The recording.

use std::{collections::BTreeMap, io::Read as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::Value;

const RECORDED: &[u8] = include_bytes!("../recorded/answers-1.0.18.jsonl.gz");

/// The names of one cluster: the values of symbols in paths, and the secrets of tokens.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) cluster: String,
    pub(super) symbols: BTreeMap<String, String>,
    pub(super) tokens: BTreeMap<String, String>,
}

/// One call and its response.
#[derive(Debug, Clone)]
pub(super) struct RecordedCall {
    pub(super) id: String,
    /// Whether it is for another agent than the one that got it, so that it goes to the gateway here.
    pub(super) is_relayed: bool,
    /// The agent that got the call.
    pub(super) via: String,
    pub(super) token: String,
    pub(super) method: String,
    /// With symbols replaced.
    pub(super) path: String,
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) request_body: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// The first 4 KiB, decompressed.
    pub(super) body: Vec<u8>,
    pub(super) is_truncated: bool,
    /// Whether the client stopped reading.
    pub(super) is_cut: bool,
    pub(super) length: u64,
    pub(super) shape: Option<Value>,
    pub(super) frames: Option<Value>,
}

impl Names {
    /// Replaces `{symbols}` with ids and secrets.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.symbols {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        for (name, value) in &self.tokens {
            text = text.replace(&format!("{{token:{name}}}"), value);
        }
        text
    }

    pub(super) fn id(&self, symbol: &str) -> &str {
        &self.symbols[symbol]
    }
}

/// The calls to one cluster, in the order in which they were made.
pub(super) fn load(cluster: &str) -> (Names, Vec<RecordedCall>) {
    let mut text = String::new();
    GzDecoder::new(RECORDED).read_to_string(&mut text).unwrap();
    let (head, calls) = text.split_once('\n').unwrap();
    let head: Value = serde_json::from_str(head).unwrap();
    let table = |name: &str| {
        let table = head[cluster][name].as_object().unwrap().iter();
        table.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    let names =
        Names { cluster: cluster.to_owned(), symbols: table("symbols"), tokens: table("tokens") };
    let calls = calls.lines().map(|line| serde_json::from_str(line).unwrap());
    let calls =
        calls.filter(|call: &Value| call["cluster"] == cluster && !is_garbage_collection(call));
    let calls = calls.map(|call| read(&call, &names)).collect();
    (names, calls)
}

/// Calls that collect something here: one that came too late in the recorded cluster, and one that names a node by
/// a prefix of its id, which the gateway understands. They would remove what concurrent calls still need.
fn is_garbage_collection(call: &Value) -> bool {
    let id = call["id"].as_str().unwrap_or_default();
    ["alloc-gc-done", "gc-node-prefix8"].iter().any(|collecting| id.contains(collecting))
}

fn read(call: &Value, names: &Names) -> RecordedCall {
    let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let pairs = |key: &str| {
        let pairs = call[key].as_array().into_iter().flatten();
        pairs
            .map(|pair| {
                (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned())
            })
            .collect()
    };
    let body = match call["bytes"].as_str() {
        Some(bytes) => BASE64_STANDARD.decode(bytes).unwrap(),
        None => text("body").into_bytes(),
    };
    let asked: Vec<(String, String)> = pairs("asked");
    RecordedCall {
        id: text("id"),
        is_relayed: false,
        via: text("via"),
        token: text("token"),
        method: text("method"),
        path: names.fill(&text("path")),
        request_headers: asked.into_iter().map(|(key, value)| (key, names.fill(&value))).collect(),
        request_body: text("sent"),
        status: u16::try_from(call["status"].as_u64().unwrap()).unwrap(),
        headers: pairs("headers"),
        body,
        is_truncated: call["truncated"] == true,
        is_cut: call["cut"] == true,
        length: call["length"].as_u64().unwrap(),
        shape: call.get("shape").cloned(),
        frames: call.get("frames").cloned(),
    }
}

impl RecordedCall {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|(key, _)| key == name);
        let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
