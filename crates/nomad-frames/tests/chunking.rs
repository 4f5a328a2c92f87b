//! The laws over generated streams: valid ones in every spelling, and what remains of them after
//! somebody cut, changed or appended something.

pub mod laws;

use proptest::prelude::*;
use proptest::sample::Index;

/// A key and a value in JSON, in one of the spellings a decoder has to take.
fn member() -> impl Strategy<Value = String> {
    let key = |names: &'static [&'static str]| prop::sample::select(names);
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..120).prop_map(|data| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(data)
        }),
        prop::sample::select(
            &["eA==", r"e\nA\r==", r"\u0065\/\/=", "eA", "=", "e*==", r"\t", r"\q", "e\nA="][..]
        )
        .prop_map(str::to_owned),
    ];
    let text = prop::sample::select(
        &[
            "alloc/logs/web.stdout.0",
            "",
            "}{",
            r#"\"\\\/\b\f\n\r\t"#,
            r"\u00e9é€😀\ud83d\ude00",
            "file truncated",
        ][..],
    );
    let number = prop::sample::select(
        &[
            "0",
            "5",
            "123456",
            "-7",
            "9223372036854775807",
            "9223372036854775808",
            "1.0",
            "1e3",
            "01",
            "null",
        ][..],
    );
    let other = prop::sample::select(
        &[
            "null",
            "true",
            "false",
            "0.5e-3",
            r#""x\u0041""#,
            "[]",
            "[1,[2,{}],\"]\"]",
            r#"{"a":{"b":[{}]}}"#,
            "nul",
            "{",
            "[1,]",
        ][..],
    );
    prop_oneof![
        6 => (key(&["Data", "data", "DATA", r"D\u0061ta"]), data).prop_map(|(k, v)| format!("\"{k}\":\"{v}\"")),
        3 => (key(&["File", "file", "FileEvent", "FILEEVENT", r"\u0046ile"]), text).prop_map(|(k, v)| format!("\"{k}\":\"{v}\"")),
        3 => (key(&["Offset", "offset", "Off\u{17f}et"]), number).prop_map(|(k, v)| format!("\"{k}\":{v}")),
        2 => (key(&["Other", "", "Data", "File", "Offset"]), other).prop_map(|(k, v)| format!("\"{k}\":{v}")),
    ]
}

/// A frame as Nomad writes it, or as somebody else might.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let nomad = (prop::collection::vec(any::<u8>(), 0..200), 0_usize..4, any::<i64>()).prop_map(
        |(data, names, offset)| {
            let (file, event) =
                [("", ""), ("a.log", ""), ("", "log"), ("a.log", "file deleted")][names];
            let mut out = bytes::BytesMut::new();
            nomad_frames::StreamFrame { file, event, offset, data: &data }.encode(&mut out);
            out.to_vec()
        },
    );
    let blank = prop::sample::select(&["", "", "", " ", "\n", "\r\n\t "][..]);
    let foreign = (prop::collection::vec(member(), 0..5), blank).prop_map(|(members, blank)| {
        format!("{blank}{{{blank}{}{blank}}}{blank}", members.join(&format!("{blank},{blank}")))
            .into_bytes()
    });
    prop_oneof![4 => nomad, 3 => foreign, 1 => Just(b"{}".to_vec()), 1 => Just(b" null ".to_vec())]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(frame(), 0..6).prop_map(|frames| frames.concat())
}

/// What happens to streams.
fn damage() -> impl Strategy<Value = Vec<u8>> {
    let tail = prop::sample::select(
        &[
            "rpc error: Unknown allocation",
            "failed to read é",
            "\u{1}",
            "}",
            "]",
            "nul",
            "nullx",
            "5",
            "[1]",
            "{\"Data\":\"eA",
        ][..],
    );
    (stream(), any::<Index>(), any::<u8>(), tail, 0_u8..4).prop_map(
        |(mut stream, at, byte, tail, kind)| {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                match kind {
                    0 => stream.truncate(at),
                    1 => stream[at] = byte,
                    2 => drop(stream.remove(at)),
                    _ => stream.extend_from_slice(tail.as_bytes()),
                }
            }
            stream
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_chunking_says_the_same_and_agrees_with_the_obvious_decoder(stream in stream()) {
        laws::split(&stream);
    }

    #[test]
    fn so_does_a_damaged_stream(stream in damage()) {
        laws::split(&stream);
    }

    #[test]
    fn so_does_noise(stream in prop::collection::vec(prop::sample::select(&br#"{}[]",:\ eA=Data0-1.nul"#[..]), 0..64)) {
        laws::split(&stream);
    }

    #[test]
    fn what_was_written_is_read(input in prop::collection::vec(any::<u8>(), 0..3_000)) {
        laws::roundtrip(&input);
    }
}
