//! Streams of a real cluster decode to what was seen in them, whole and HTTP chunk by HTTP chunk.
#![expect(clippy::unwrap_used, reason = "the recordings are part of the test")]

use std::io::Read as _;

use bytes::Bytes;
use nomad_frames::{Decoder, FrameError, StreamFrame, Tracker};
use serde::Deserialize;

#[derive(Deserialize)]
struct Index {
    ended: bool,
    chunks: Vec<usize>,
    frames: Vec<Seen>,
}

#[derive(Deserialize, Debug, PartialEq, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Seen {
    #[serde(rename = "keys")]
    keys: Vec<String>,
    #[serde(rename = "data_len")]
    data_len: usize,
    file: String,
    file_event: String,
    offset: i64,
}

struct Capture {
    index: Index,
    chunks: Vec<Bytes>,
}

impl Capture {
    fn load(name: &str) -> Self {
        let path =
            |end: &str| format!("{}/tests/data/captured/{name}.{end}", env!("CARGO_MANIFEST_DIR"));
        let index: Index = serde_json::from_slice(&std::fs::read(path("json")).unwrap()).unwrap();
        let mut http = Vec::new();
        let gz = std::fs::File::open(path("http.gz")).unwrap();
        flate2::read::GzDecoder::new(gz).read_to_end(&mut http).unwrap();
        let chunks = chunks(Bytes::from(http));
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), index.chunks);
        Self { index, chunks }
    }

    fn body(&self) -> Bytes {
        self.chunks.concat().into()
    }
}

/// The chunks of an HTTP/1.1 answer, the last, empty one included if it came.
fn chunks(mut http: Bytes) -> Vec<Bytes> {
    let line = |http: &mut Bytes| {
        let end = http.windows(2).position(|w| w == b"\r\n").unwrap();
        let line = http.split_to(end);
        let _line_break = http.split_to(2);
        String::from_utf8(line.to_vec()).unwrap()
    };
    while !line(&mut http).is_empty() {}
    let mut chunks = Vec::new();
    while !http.is_empty() {
        let size = usize::from_str_radix(&line(&mut http), 16).unwrap();
        chunks.push(http.split_to(size));
        assert_eq!(line(&mut http), "");
    }
    chunks
}

fn seen(frame: &nomad_frames::Frame<'_>) -> Seen {
    let json: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(frame.as_bytes()).unwrap();
    let mut data = Vec::new();
    let seen = Seen {
        keys: json.keys().cloned().collect(),
        data_len: frame.data().decode_into(&mut data).unwrap(),
        file: frame.file().into_owned(),
        file_event: frame.event().into_owned(),
        offset: frame.offset(),
    };
    // What we write for it is what Nomad wrote.
    let mut again = bytes::BytesMut::new();
    StreamFrame { file: &seen.file, event: &seen.file_event, offset: seen.offset, data: &data }
        .encode(&mut again);
    assert_eq!(again, frame.as_bytes());
    seen
}

fn decode(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<Seen>, Decoder) {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk).unwrap();
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(seen(&frame));
        }
    }
    assert_eq!(decoder.finish(), Ok(()));
    (frames, decoder)
}

fn check(name: &str) {
    let capture = Capture::load(name);
    let (whole, decoder) = decode([capture.body()]);
    assert_eq!(whole, capture.index.frames, "{name}");
    assert_eq!(decoder.copied_bytes(), 0);

    // Nomad flushes a frame a chunk: nothing straddles, so nothing is copied.
    let (chunked, decoder) = decode(capture.chunks.clone());
    assert_eq!(chunked, whole, "{name}");
    assert_eq!(decoder.copied_bytes(), 0);
    let with_data = capture.chunks.iter().filter(|chunk| !chunk.is_empty()).count();
    assert_eq!(chunked.len(), with_data);
    assert_eq!(capture.chunks.last().is_some_and(Bytes::is_empty), capture.index.ended);

    // Cut as a socket might cut it.
    let body = capture.body();
    let reads = body.chunks(1_448).map(|read| body.slice_ref(read));
    assert_eq!(decode(reads).0, whole, "{name}");
}

#[test]
fn logs_decode_to_what_was_seen() {
    check("logs");
    check("logs-idle");
    check("logs-rotate");
}

#[test]
fn files_decode_to_what_was_seen() {
    check("stream-growing");
    check("stream-nofollow");
}

#[test]
fn monitors_decode_to_what_was_seen() {
    check("monitor");
    check("monitor-json");
    check("monitor-idle");
}

#[test]
fn a_cut_anywhere_is_a_boundary_or_a_truncation() {
    let capture = Capture::load("logs");
    let body = capture.body();
    let ends: Vec<usize> = capture
        .chunks
        .iter()
        .scan(0, |end, chunk| {
            *end += chunk.len();
            Some(*end)
        })
        .collect();
    for cut in 0..body.len() {
        let mut decoder = Decoder::default();
        decoder.feed(body.slice(..cut)).unwrap();
        while decoder.next_frame().unwrap().is_some() {}
        let begin = ends.iter().copied().take_while(|end| *end <= cut).last().unwrap_or(0);
        let expect = match begin {
            begin if begin == cut => Ok(()),
            begin => Err(FrameError::Truncated { at: begin as u64, end: cut as u64 }),
        };
        assert_eq!(decoder.finish(), expect);
    }
}

#[test]
fn real_positions_go_where_nomads_offsets_do_not() {
    // A file of 120,000 bytes, of which Nomad says that its end is at 131,072.
    let mut decoder = Decoder::default();
    decoder.feed(Capture::load("stream-nofollow").body()).unwrap();
    let mut tracker = Tracker::from_position(0);
    let mut said = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        said.push((frame.offset(), tracker.advance(&frame).end));
    }
    assert_eq!(said, [(65_536, 65_536), (131_072, 120_000)]);
}
