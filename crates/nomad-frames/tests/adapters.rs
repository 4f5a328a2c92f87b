//! The adapters, over pipes and bodies that exist.

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http_body_util::StreamBody;
use nomad_frames::{
    CodecError, FrameCodec, FrameError, FrameStream, FrameStreamError, Limits, StreamFrame,
};
use tokio_util::codec::{FramedRead, FramedWrite};

#[tokio::test(flavor = "current_thread")]
async fn frames_cross_a_pipe() {
    // Smaller than a frame, so that writer and reader have to take turns.
    let (left, right) = tokio::io::duplex(64);
    let write = async {
        let mut sink = FramedWrite::new(left, FrameCodec::default());
        for offset in 1..=20 {
            let data = vec![b'x'; 50 * offset as usize];
            sink.send(StreamFrame { file: "f", event: "", offset, data: &data }).await.unwrap();
        }
        sink.send(StreamFrame::HEARTBEAT).await.unwrap();
    };
    let read = FramedRead::new(right, FrameCodec::default())
        .map(|frame| {
            let frame = frame.unwrap();
            let frame = frame.as_frame();
            (frame.offset(), frame.data().decoded_len())
        })
        .collect::<Vec<_>>();
    let ((), seen) = tokio::join!(write, read);
    let expect: Vec<_> = (1..=20).map(|n| (n, 50 * n as usize)).chain([(0, 0)]).collect();
    assert_eq!(seen, expect);
}

#[tokio::test(flavor = "current_thread")]
async fn an_error_text_ends_a_framed_read() {
    let mut frames = FramedRead::new(&b"{}{}No such file"[..], FrameCodec::default());
    assert!(frames.next().await.unwrap().is_ok());
    assert!(frames.next().await.unwrap().is_ok());
    let error = frames.next().await.unwrap().unwrap_err();
    let CodecError::Frame(FrameError::SenderError { at: 4, text }) = error else {
        panic!("{error}")
    };
    assert_eq!(text, "No such file");
}

type Part = Result<http_body::Frame<Bytes>, std::io::Error>;

fn body(
    parts: Vec<Part>,
) -> FrameStream<StreamBody<impl futures_util::Stream<Item = Part> + Unpin>> {
    FrameStream::new(StreamBody::new(futures_util::stream::iter(parts)), Limits::default())
}

fn data(text: &'static str) -> Part {
    Ok(http_body::Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test(flavor = "current_thread")]
async fn a_body_is_a_stream_of_frames() {
    let parts = vec![data(r#"{"Data":"aGk=""#), data(""), data(r#","Offset":2}{}{}"#)];
    let trailers = Ok(http_body::Frame::trailers(http::HeaderMap::new()));
    let frames = body(parts.into_iter().chain([trailers]).collect());
    let mut out = BytesMut::new();
    let seen: Vec<_> = frames.map(Result::unwrap).collect().await;
    for frame in &seen {
        frame.as_frame().data().decode_into(&mut out).unwrap();
    }
    assert_eq!((seen.len(), &out[..]), (3, &b"hi"[..]));
}

#[tokio::test(flavor = "current_thread")]
async fn a_body_that_breaks_ends_the_stream_once() {
    let mut cut = body(vec![data("{}{\"File")]);
    assert!(cut.next().await.unwrap().is_ok());
    let error = cut.next().await.unwrap().unwrap_err();
    assert!(matches!(error, FrameStreamError::Frame(FrameError::Truncated { at: 2, end: 8 })));
    assert!(cut.next().await.is_none());

    let mut broken = body(vec![data("{}"), Err(std::io::ErrorKind::ConnectionReset.into())]);
    assert!(broken.next().await.unwrap().is_ok());
    assert!(matches!(broken.next().await, Some(Err(FrameStreamError::Body(_)))));
    assert!(broken.next().await.is_none());
}

/// A body of what is sent to it, and who is told when it goes.
fn open_body() -> (std::sync::mpsc::Sender<Part>, impl futures_util::Stream<Item = Part> + Unpin) {
    let (sender, parts) = std::sync::mpsc::channel();
    let stream = futures_util::stream::poll_fn(move |_| match parts.try_recv() {
        Ok(part) => std::task::Poll::Ready(Some(part)),
        Err(std::sync::mpsc::TryRecvError::Empty) => std::task::Poll::Pending,
        Err(std::sync::mpsc::TryRecvError::Disconnected) => std::task::Poll::Ready(None),
    });
    (sender, stream)
}

/// What Nomad's own reader of frames promises: text, the offset of the frame that is being read, the end.
#[tokio::test(flavor = "current_thread")]
async fn text_is_read_over_frames_and_says_where_it_is_from() {
    use std::io::Read as _;

    let (sender, parts) = open_body();
    let mut frames = FrameStream::new(StreamBody::new(parts), Limits::default());
    for (offset, text) in [(5, "hello"), (10, ", wor"), (12, "ld")] {
        let mut frame = BytesMut::new();
        StreamFrame { file: "foo", event: "", offset, data: text.as_bytes() }.encode(&mut frame);
        sender.send(Ok(http_body::Frame::data(frame.freeze()))).unwrap();
    }
    let first = frames.next().await.unwrap().unwrap();
    let (mut five, mut text) = ([0; 5], String::new());
    first.as_frame().data().reader().read_exact(&mut five).unwrap();
    assert_eq!((&five, first.as_frame().offset()), (b"hello", 5));
    text.push_str(str::from_utf8(&five).unwrap());
    let mut last = 0;
    for _ in 0..2 {
        let frame = frames.next().await.unwrap().unwrap();
        frame.as_frame().data().reader().read_to_string(&mut text).unwrap();
        last = frame.as_frame().offset();
    }
    assert_eq!((text.as_str(), last), ("hello, world", 12));
    // Whoever closes the reader lets go of the body.
    drop(frames);
    assert!(sender.send(data("{}")).is_err());
}

#[tokio::test(flavor = "current_thread")]
async fn a_silent_body_blocks_nobody_and_loses_nothing() {
    let (sender, parts) = open_body();
    let mut frames = FrameStream::new(StreamBody::new(parts), Limits::default());
    assert!(frames.next().now_or_never().is_none());
    sender.send(data(r#"{"Data":"aGk=""#)).unwrap();
    assert!(frames.next().now_or_never().is_none(), "half a frame");
    sender.send(data(r#","Offset":2}"#)).unwrap();
    let frame = frames.next().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(frame.as_frame().offset(), 2);
    assert!(frames.next().now_or_never().is_none());
    sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
    assert!(matches!(frames.next().now_or_never(), Some(Some(Err(FrameStreamError::Body(_))))));
}

/// The cases of Nomad's web page, which takes a body apart by itself.
#[tokio::test(flavor = "current_thread")]
async fn what_the_web_page_decodes_is_decoded() {
    for (whole, expected, offset) in [
        (r#"{"Offset":100,"Data":"SGVsbG8gV29ybGQ="}"#, "Hello World", 100),
        (
            r#"{"Offset":1,"Data":"b25l"}{"Offset":2,"Data":"dHdv"}{"Offset":3,"Data":"dGhyZWU="}{"Offset":4,"Data":"Zm91cg=="}"#,
            "onetwothreefour",
            4,
        ),
        ("{}{}{}", "", 0),
        ("", "", 0),
        (r#"{"Offset":16,"Data":"8J+YjiDwn5CzIMO8"}"#, "\u{1f60e} \u{1f433} \u{fc}", 16),
    ] {
        let mut text = BytesMut::new();
        let mut last = 0;
        for frame in body(vec![data(whole)]).map(Result::unwrap).collect::<Vec<_>>().await {
            frame.as_frame().data().decode_into(&mut text).unwrap();
            last = last.max(frame.as_frame().offset());
        }
        assert_eq!((str::from_utf8(&text).unwrap(), last), (expected, offset), "{whole}");
    }
}
