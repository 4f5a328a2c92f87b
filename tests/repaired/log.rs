//! A log as an agent stores it, and frames as an agent sends them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use nomad_frames::Decoder;
use nomad_wire::Query;
use serde_json::json;

use crate::support::FakeResponse;

/// A log file's path without its number.
pub(super) const FILE: &str = "alloc/logs/web.stdout.";

/// Files of a log by their numbers.
#[derive(Clone)]
pub(super) struct AgentLog {
    files: Vec<(u64, String)>,
    without_files: bool,
}

impl AgentLog {
    pub(super) fn new(files: &[(u64, &str)]) -> Self {
        let files = files.iter().map(|(number, text)| (*number, (*text).to_owned())).collect();
        Self { files, without_files: false }
    }

    /// The token may read logs, but no files.
    pub(super) fn without_files(mut self) -> Self {
        self.without_files = true;
        self
    }

    /// An agent with this log: the test writes what is followed, everything else is read from here.
    pub(super) fn agent(&self) -> impl Fn(&str) -> FakeResponse + Send + Sync + 'static {
        let log = self.clone();
        move |uri| {
            let (path, query) = uri.split_once('?').unwrap();
            let query = Query::new(query);
            let call = path.split('/').nth(4).unwrap();
            if call == "logs" && query.first("follow").is_some_and(|follow| follow == "true") {
                return FakeResponse::Stream;
            }
            if call != "logs" && log.without_files {
                return FakeResponse::Complete(403, "Permission denied".into());
            }
            log.read(call, &query)
        }
    }

    fn read(&self, call: &str, query: &Query<'_>) -> FakeResponse {
        match call {
            "ls" => {
                let entry = |(number, text): &(u64, String)| json!({ "Name": format!("web.stdout.{number}"), "IsDir": false, "Size": text.len() });
                let entries: Vec<_> = self.files.iter().map(entry).collect();
                FakeResponse::Complete(200, json!(entries).to_string())
            }
            "stream" => {
                let path = query.first("path").unwrap();
                let offset: usize = query.first("offset").unwrap().parse().unwrap();
                let found = self.files.iter().find(|(number, _)| path == format!("{FILE}{number}"));
                match found {
                    None => FakeResponse::Complete(
                        400,
                        format!("stat {path}: no such file or directory"),
                    ),
                    Some((_, text)) if offset == text.len() => {
                        FakeResponse::Complete(200, String::new())
                    }
                    Some((number, text)) => {
                        FakeResponse::Complete(200, frame(*number, &text[offset..], text.len()))
                    }
                }
            }
            "logs" => {
                let from_end = query.first("origin").is_some_and(|origin| origin == "end");
                let first = if from_end { self.files.len() - 1 } else { 0 };
                let frames = self.files[first..].iter();
                let frames = frames.map(|(number, text)| frame(*number, text, text.len()));
                FakeResponse::Complete(200, frames.collect())
            }
            other => panic!("nobody should ask for {other}"),
        }
    }
}

/// A frame of this log.
pub(super) fn frame(number: u64, data: &str, offset: usize) -> String {
    frame_of(&format!("{FILE}{number}"), data, offset)
}

/// A frame of a file.
pub(super) fn frame_of(file: &str, data: &str, offset: usize) -> String {
    let data = BASE64_STANDARD.encode(data);
    format!(r#"{{"Data":"{data}","File":"{file}","Offset":{offset}}}"#)
}

/// The data of all whole frames.
pub(super) fn data(stream: &str) -> String {
    let mut decoder = Decoder::default();
    decoder.feed(stream.to_owned().into()).unwrap();
    let mut data = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        frame.data().decode_into(&mut data).unwrap();
    }
    String::from_utf8(data).unwrap()
}
