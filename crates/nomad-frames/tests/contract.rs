//! What a caller is promised: where bytes lie, how a stream ends, and what a peer can cost.
#![expect(clippy::unwrap_used, reason = "the streams are written here")]

use bytes::Bytes;
use nomad_frames::{Decoder, FrameError, Limits, ObjectDecoder};

const FRAME: &str = r#"{"Data":"aGVsbG8=","File":"alloc/logs/web.stdout.0","Offset":5}"#;

fn decoder(limits: Limits, stream: &str) -> Decoder {
    let mut decoder = Decoder::new(limits);
    decoder.feed(Bytes::copy_from_slice(stream.as_bytes())).unwrap();
    decoder
}

/// Reads to the end and returns how many frames there were.
fn drain(decoder: &mut Decoder) -> Result<usize, FrameError> {
    let mut count = 0;
    while decoder.next_frame()?.is_some() {
        count += 1;
    }
    decoder.finish()?;
    Ok(count)
}

#[test]
fn a_frame_in_one_chunk_is_lent_from_it() {
    // Nomad's layout, a foreign one, and one after blanks; each part lies within the chunk.
    let foreign = r#" { "Offset" : 5, "file": "f", "Data": "aGVsbG8=" }"#;
    let chunk = Bytes::from(format!("{FRAME}{foreign}{{}}"));
    let lies_within = |part: &[u8]| {
        let range = chunk.as_ptr_range();
        range.contains(&part.as_ptr()) && part.as_ptr_range().end <= range.end
    };
    let mut decoder = Decoder::default();
    decoder.feed(chunk.clone()).unwrap();
    for _ in 0..2 {
        let frame = decoder.next_frame().unwrap().unwrap();
        let std::borrow::Cow::Borrowed(file) = frame.file() else { panic!("the name was copied") };
        for part in [frame.as_bytes(), frame.data().as_base64(), file.as_bytes()] {
            assert!(!part.is_empty() && lies_within(part));
        }
        // The owner shares the chunk too.
        assert_eq!(frame.to_buf().into_bytes().as_ptr(), frame.as_bytes().as_ptr());
    }
    assert!(decoder.next_frame().unwrap().unwrap().is_heartbeat());
    assert_eq!(decoder.copied_bytes(), 0);
}

#[test]
fn a_straddling_frame_is_copied_once_into_a_buffer_that_is_used_again() {
    let mut decoder = Decoder::default();
    let mut places = Vec::new();
    for round in 1..=3 {
        let (head, tail) = FRAME.split_at(10 * round);
        decoder.feed(Bytes::copy_from_slice(head.as_bytes())).unwrap();
        assert_eq!(decoder.next_frame().unwrap(), None);
        decoder.feed(Bytes::copy_from_slice(format!("{tail}{FRAME}").as_bytes())).unwrap();
        places.push(decoder.next_frame().unwrap().unwrap().as_bytes().as_ptr());
        assert!(decoder.next_frame().unwrap().is_some());
        assert_eq!(decoder.copied_bytes(), (FRAME.len() * round) as u64);
    }
    assert_eq!(places, [places[0]; 3]);
}

#[test]
fn the_longest_frame_of_nomad_is_copied_once_in_any_chunks() {
    let mut frame = bytes::BytesMut::new();
    let file = "alloc/logs/".to_owned() + &"x".repeat(255);
    let data = vec![b'x'; 65_536];
    nomad_frames::StreamFrame { file: &file, event: "", offset: i64::MAX, data: &data }
        .encode(&mut frame);
    for size in [1, 1_448, 16_384, 65_536] {
        let mut decoder = Decoder::default();
        for chunk in frame.chunks(size) {
            decoder.feed(Bytes::copy_from_slice(chunk)).unwrap();
            while decoder.next_frame().unwrap().is_some() {}
        }
        assert_eq!((decoder.finish(), decoder.copied_bytes()), (Ok(()), frame.len() as u64));
    }
}

#[test]
fn a_kept_frame_is_not_overwritten() {
    let mut decoder = Decoder::default();
    let mut kept = Vec::new();
    for byte in FRAME.repeat(3).bytes() {
        decoder.feed(Bytes::copy_from_slice(&[byte])).unwrap();
        kept.extend(decoder.next_frame().unwrap().map(|frame| frame.to_buf()));
    }
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|frame| frame.as_frame().as_bytes() == FRAME.as_bytes()));
}

#[test]
fn each_end_has_its_own_error() {
    let end = |tail: &str| drain(&mut decoder(Limits::default(), &format!("{FRAME}{tail}")));
    let at = FRAME.len() as u64;
    assert_eq!(end(""), Ok(1));
    assert_eq!(end("{}\n"), Ok(2));
    assert_eq!(end(r#"{"Da"#), Err(FrameError::Truncated { at, end: at + 4 }));
    let text = r#"rpc error: Unknown allocation "5fc98185""#.to_owned();
    assert_eq!(end(&text), Err(FrameError::SenderError { at, text }));
    let text = "failed\n\tat line 5".to_owned();
    assert_eq!(end(&format!("\n{text}")), Err(FrameError::SenderError { at: at + 1, text }));
    assert_eq!(end("\0"), Err(FrameError::Garbage { at }));
    assert_eq!(end("{\"a\":x"), Err(FrameError::Syntax { at: at + 5, expected: "a value" }));
    let expected = "a 64-bit integer";
    assert_eq!(
        end(r#"{"Offset":"5"}"#),
        Err(FrameError::Type { at: at + 10, key: "Offset", expected })
    );
    let mut invalid = Decoder::default();
    invalid.feed(Bytes::from_static(b"caf\xe9")).unwrap();
    assert_eq!(drain(&mut invalid), Err(FrameError::Garbage { at: 0 }));
}

#[test]
fn finishing_too_early_is_told_apart() {
    let decoder = decoder(Limits::default(), FRAME);
    assert_eq!(decoder.finish(), Err(FrameError::Unread { at: 0 }));
}

#[test]
fn a_full_decoder_gives_the_chunk_back() {
    let mut decoder = decoder(Limits { max_buffered: 100, ..Limits::default() }, FRAME);
    let refused = decoder.feed(Bytes::from_static(FRAME.as_bytes())).unwrap_err();
    assert_eq!(drain(&mut decoder), Ok(1));
    decoder.feed(refused.into_chunk()).unwrap();
    assert_eq!(drain(&mut decoder), Ok(1));
}

#[test]
fn queued_chunks_are_read_in_order() {
    let mut decoder = Decoder::default();
    for part in FRAME.repeat(2).as_bytes().chunks(7) {
        decoder.feed(Bytes::copy_from_slice(part)).unwrap();
    }
    assert_eq!(drain(&mut decoder), Ok(2));
}

#[test]
fn limits_are_met_exactly() {
    let limits = |max_frame| Limits { max_frame, ..Limits::default() };
    assert_eq!(drain(&mut decoder(limits(FRAME.len()), FRAME)), Ok(1));
    let limit = FRAME.len() - 1;
    assert_eq!(
        drain(&mut decoder(limits(limit), FRAME)),
        Err(FrameError::TooLong { at: 0, limit })
    );
    let text = "x".repeat(17);
    let limits = Limits { max_error_text: 16, ..Limits::default() };
    assert_eq!(drain(&mut decoder(limits, &text)), Err(FrameError::Garbage { at: 0 }));
    let deep = r#"{"a":[[1]]}"#;
    let limits = Limits { max_depth: 2, ..Limits::default() };
    assert_eq!(drain(&mut decoder(limits, deep)), Err(FrameError::TooDeep { at: 6, limit: 2 }));
}

/// Feeds `pattern` byte by byte for as long as it takes. Were any byte looked at again for each
/// that comes after it, this would not end within the patience of a test run.
#[test]
fn a_hostile_peer_costs_the_limit_and_no_more() {
    for pattern in [
        r#"{"Data":"\\\\\\"#,
        r#"{"Data":"AAAA"#,
        r#"{"File":"\"\"\""#,
        "{\"a\":[",
        "{\"a\":1111",
        "        ",
        "error text ",
        r#"{"Data":"","Data":"""#,
        "{}{}{}",
    ] {
        let limits = Limits { max_frame: 200_000, ..Limits::default() };
        let mut decoder = Decoder::new(limits);
        let (head, tail) = pattern.split_at(pattern.len() / 2);
        let stream = head.bytes().chain(tail.bytes().cycle());
        for byte in stream.take(2 * limits.max_frame) {
            if decoder.feed(Bytes::copy_from_slice(&[byte])).is_err() || drain_some(&mut decoder) {
                break;
            }
            assert!(decoder.buffered_len() <= limits.max_frame);
        }
        // Once, and at most twice more as a buffer doubles beyond the longest frame of Nomad.
        assert!(decoder.copied_bytes() <= 3 * limits.max_frame as u64);
    }
}

/// Whether the stream has ended in an error.
fn drain_some(decoder: &mut Decoder) -> bool {
    loop {
        match decoder.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

#[test]
fn the_event_stream_is_cut_into_its_lines() {
    let lines = "{}\n{\"Index\":5,\"Events\":[{\"Topic\":\"Job\"}]}\n{}\n";
    let mut objects = ObjectDecoder::new(Limits::events());
    let mut seen = Vec::new();
    for part in lines.as_bytes().chunks(5) {
        objects.feed(Bytes::copy_from_slice(part)).unwrap();
        while let Some(object) = objects.next_object().unwrap() {
            let batch = nomad_frames::EventBatch::parse(&object).unwrap();
            seen.push((batch.index(), batch.events().count()));
        }
    }
    assert_eq!(objects.finish(), Ok(()));
    assert_eq!(seen, [(0, 0), (5, 1), (0, 0)]);
    objects.feed(Bytes::from_static(b"{\"Data\":\"\n")).unwrap();
    assert!(objects.next_object().is_err(), "every byte is looked at");
}
