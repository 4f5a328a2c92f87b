//! The adapters, over pipes and bodies that exist.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::StreamBody;
use nomad_frames::{CodecError, FrameCodec, FrameError, Frames, FramesError, Limits, StreamFrame};
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
    let CodecError::Frame(FrameError::Reported { at: 4, text }) = error else { panic!("{error}") };
    assert_eq!(text, "No such file");
}

type Part = Result<http_body::Frame<Bytes>, std::io::Error>;

fn body(parts: Vec<Part>) -> Frames<StreamBody<impl futures_util::Stream<Item = Part> + Unpin>> {
    Frames::new(StreamBody::new(futures_util::stream::iter(parts)), Limits::default())
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
    assert!(matches!(error, FramesError::Frame(FrameError::Truncated { at: 2, end: 8 })));
    assert!(cut.next().await.is_none());

    let mut broken = body(vec![data("{}"), Err(std::io::ErrorKind::ConnectionReset.into())]);
    assert!(broken.next().await.unwrap().is_ok());
    assert!(matches!(broken.next().await, Some(Err(FramesError::Body(_)))));
    assert!(broken.next().await.is_none());
}
