//! The laws of the codec, as functions over any input. Property tests, fuzz targets and the
//! replay of their corpus all call these two, and nothing but the public face is used: [`split`] and [`roundtrip`].
#![expect(clippy::unwrap_used, reason = "a law that does not hold must panic")]

mod naive;

use bytes::{Bytes, BytesMut};
use nomad_frames::{
    Decoder, Frame, FrameBuf, FrameError, Framer, FramerConfig, Limits, Offsets, OutputFormat,
    PayloadError, StreamFrame, Tracker, Transcoder,
};

/// All that a decoder says about a stream.
#[derive(Debug, PartialEq)]
struct DecodedStream {
    frames: Vec<(FrameBuf, FrameContent)>,
    end: Result<(), FrameError>,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
struct FrameContent {
    file: String,
    event: String,
    offset: i64,
    data: Result<Vec<u8>, PayloadError>,
}

impl FrameContent {
    fn from_frame(frame: &Frame<'_>) -> Self {
        let mut data = Vec::new();
        Self {
            file: frame.file().into_owned(),
            event: frame.event().into_owned(),
            offset: frame.offset(),
            data: frame.data().decode_into(&mut data).map(|_| data),
        }
    }
}

/// Takes a stream apart whose bytes are `input`, in every way that must make no difference.
///
/// # Panics
/// If one of them does, or the obvious decoder disagrees.
pub fn split(input: &[u8]) {
    let whole = decode(input, &[input.len()], Limits::default());
    let tight = Limits { max_frame: 61, max_depth: 3, max_error_text: 17, max_buffered: 1 };
    let seed = input.iter().fold(input.len(), |h, b| h.wrapping_mul(31).wrapping_add(*b as usize));
    let ragged: Vec<usize> = (0..16).map(|i| 1 + seed.rotate_right(i * 5) % 61).collect();
    for limits in [Limits::default(), tight] {
        let expect = decode(input, &[input.len()], limits);
        for sizes in [&[1][..], &[2], &[3, 1], &[64], &ragged] {
            assert_eq!(decode(input, sizes, limits), expect, "in chunks of {sizes:?}");
        }
    }
    naive::agrees(input, &whole.frames, &whole.end);
    check_payloads(&whole);
    check_transcoding(input, &whole);
}

/// Decodes `input` in chunks of the given sizes, again and again.
fn decode(input: &[u8], sizes: &[usize], limits: Limits) -> DecodedStream {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    let (mut rest, mut sizes) = (Bytes::copy_from_slice(input), sizes.iter().cycle());
    let end = loop {
        if rest.is_empty() {
            break decoder.finish();
        }
        let chunk = rest.split_to((*sizes.next().unwrap()).clamp(1, rest.len()));
        let (len, range) = (chunk.len(), chunk.as_ptr_range());
        decoder.feed(chunk).unwrap();
        let drained = drain(&mut decoder, &mut frames);
        // What is kept is at most an unfinished frame or text, and never the chunk itself.
        assert!(decoder.buffered_len() <= limits.max_frame.max(limits.max_error_text));
        // Nothing is copied twice, and nothing at all that lies in one chunk.
        assert!(decoder.copied_bytes() <= input.len() as u64);
        if len == input.len() {
            for (frame, _) in frames.iter().filter(|(f, _)| f.as_frame().as_bytes() != b"null") {
                assert!(range.contains(&frame.as_frame().as_bytes().as_ptr()));
            }
        }
        if let Err(error) = drained {
            assert_eq!(decoder.next_frame(), Err(error.clone()), "an error stays");
            assert_eq!(decoder.finish(), Err(error.clone()));
            break Err(error);
        }
    };
    if let Err(error) = &end {
        assert!(error.offset() <= input.len() as u64, "{error}");
    }
    DecodedStream { frames, end }
}

fn drain(decoder: &mut Decoder, out: &mut Vec<(FrameBuf, FrameContent)>) -> Result<(), FrameError> {
    while let Some(frame) = decoder.next_frame()? {
        out.push((frame.to_buf(), FrameContent::from_frame(&frame)));
    }
    Ok(())
}

/// Every way to open a payload gives the same.
fn check_payloads(told: &DecodedStream) {
    for (frame, meaning) in &told.frames {
        let payload = frame.as_frame().data();
        let mut read = Vec::new();
        let result = std::io::Read::read_to_end(&mut payload.reader(), &mut read);
        match &meaning.data {
            Ok(data) => {
                assert_eq!(&read, data);
                assert_eq!(payload.decoded_len(), data.len());
            }
            Err(error) => {
                assert!(result.is_err());
                let at = error.position().unwrap();
                assert!(at <= payload.as_base64().len());
            }
        }
    }
}

/// No view loses a byte.
fn check_transcoding(input: &[u8], told: &DecodedStream) {
    if told.end.is_err() || told.frames.iter().any(|(_, m)| m.data.is_err()) {
        return;
    }
    let view = |view| {
        let mut transcoder = Transcoder::new(view, Limits::default());
        let mut out = BytesMut::new();
        for chunk in input.chunks(7) {
            transcoder.feed(Bytes::copy_from_slice(chunk), &mut out).unwrap();
        }
        transcoder.finish().unwrap();
        out
    };
    let meanings: Vec<_> = told.frames.iter().map(|(_, m)| m.clone()).collect();
    let plain: Vec<u8> = meanings.iter().flat_map(|m| m.data.clone().unwrap()).collect();
    assert_eq!(view(OutputFormat::Plain), plain);

    let ndjson = view(OutputFormat::Ndjson);
    let lines: Vec<_> = ndjson[..].split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), meanings.len());
    assert_eq!(lines.iter().map(|line| frame_content_of_line(line)).collect::<Vec<_>>(), meanings);

    // Each event is its lines and an empty one; a heartbeat is a comment.
    let events = view(OutputFormat::ServerSentEvents);
    let lines = events[..].split(|b| *b == b'\n');
    let said = lines.filter_map(|line| match line.strip_prefix(b"data: ") {
        Some(json) => Some(frame_content_of_line(json)),
        None => (line == b":").then(|| frame_content_of_line(b"{}")),
    });
    assert_eq!(said.collect::<Vec<_>>(), meanings);
}

/// What the only frame of `line` says.
fn frame_content_of_line(line: &[u8]) -> FrameContent {
    let told = decode(line, &[line.len()], Limits::default());
    assert_eq!((told.frames.len(), told.end), (1, Ok(())));
    told.frames[0].1.clone()
}

/// Cuts `input` into reads, writes them as frames, and reads those back. The first byte chooses
/// how, so that a fuzzer can.
///
/// # Panics
/// If what is read is not what was written.
pub fn roundtrip(input: &[u8]) {
    let Some((&how, data)) = input.split_first() else { return };
    let frame_size = [1, 7, 64, 1_024][usize::from(how & 3)];
    let read_size = 1 + usize::from(how >> 2);
    for offsets in [Offsets::Exact, Offsets::NomadCompatible] {
        let config = FramerConfig { max_frame: frame_size, offsets, ..FramerConfig::default() };
        let (out, sent) = write(data, read_size, config);
        let told = decode(&out, &[out.len().max(1)], Limits::default());
        assert_eq!(told.end, Ok(()));
        let meanings: Vec<_> = told.frames.iter().map(|(_, m)| m.clone()).collect();
        assert_eq!(meanings, sent, "decoding is the inverse of encoding");
        let back: Vec<u8> = meanings.iter().flat_map(|m| m.data.clone().unwrap()).collect();
        assert_eq!(back, data);
        assert!(meanings.iter().all(|m| m.data.as_ref().unwrap().len() <= frame_size));
        check_positions(&told, offsets);
    }
    // The same bytes as names: whatever can be a file name comes back.
    let text = String::from_utf8_lossy(data);
    let (file, event) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let frame = StreamFrame { file, event, offset: i64::from(how) - 128, data };
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    assert!(!out.iter().any(|b| *b < b' '), "a frame is one line");
    let expect = FrameContent {
        file: file.to_owned(),
        event: event.to_owned(),
        offset: frame.offset,
        data: Ok(data.to_vec()),
    };
    assert_eq!(frame_content_of_line(&out), expect);
}

/// Frames `data` as two files read in pieces, with the clock going on between the reads.
fn write(data: &[u8], read_size: usize, config: FramerConfig) -> (BytesMut, Vec<FrameContent>) {
    let mut framer = Framer::new(config);
    let (mut out, mut sent) = (BytesMut::new(), Vec::new());
    let mut sink = |frame: StreamFrame<'_>| {
        frame.encode(&mut out);
        sent.push(FrameContent {
            file: frame.file.to_owned(),
            event: frame.event.to_owned(),
            offset: frame.offset,
            data: Ok(frame.data.to_vec()),
        });
    };
    let mut now = std::time::Duration::ZERO;
    let (first, second) = data.split_at(data.len() / 2);
    for (file, content) in [("a.stdout.0", first), ("a.stdout.1", second)] {
        let mut position = 0;
        for read in content.chunks(read_size) {
            position += read.len() as i64;
            framer.tick(now, &mut sink);
            framer.send(file, "", read, position, &mut sink);
            now += std::time::Duration::from_millis(70);
        }
    }
    framer.send("a.stdout.1", "file truncated", &[], 0, &mut sink);
    framer.finish(&mut sink);
    (out, sent)
}

/// A true offset is where the tracker counts to.
fn check_positions(told: &DecodedStream, offsets: Offsets) {
    let mut tracker = Tracker::from_position(0);
    for (frame, meaning) in &told.frames {
        let frame = frame.as_frame();
        let position = tracker.advance(&frame);
        if offsets == Offsets::Exact && !frame.is_heartbeat() {
            assert_eq!(position.end, meaning.offset as u64);
        }
    }
}
