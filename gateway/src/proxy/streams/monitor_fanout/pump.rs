//! Reads an upstream monitor and fans it out. A slow subscriber never slows the others down.

use std::pin::pin;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_ENCODING, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::BodyExt as _;
use nomad_frames::{FrameError, FrameStream, FrameStreamError, Limits};
use nomad_wire::header::X_NOMAD_GATEWAY_STREAM;
use tokio::sync::oneshot;

use super::{
    line_splitter::{self, LineSplitter},
    monitor::{MonitorHead, Publisher, StreamEnd},
};
use crate::proxy::streams::framing::Framing;

/// Waits for the answer and publishes it; one that is no monitor goes back to the caller whose request it was.
pub(super) async fn run<F, R, E>(
    answer: F,
    publisher: Publisher,
    form: Framing,
    refuse: oneshot::Sender<Result<Response<R>, E>>,
) where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    let response = match answer.await {
        Ok(response) if is_monitor(&response) => response,
        refused => {
            // A caller who has left needs no answer.
            drop(refuse.send(refused));
            return publisher.reject();
        }
    };
    let (head, body) = response.into_parts();
    let mut headers = head.headers;
    headers.insert(X_NOMAD_GATEWAY_STREAM, HeaderValue::from_static("shared"));
    publisher.start(MonitorHead { headers });
    let end = match form {
        Framing::Plain => pump_plain(body, &publisher).await,
        Framing::Framed => pump_framed(body, &publisher).await,
    };
    publisher.finish(end);
}

/// A length would be that of another answer, and what is compressed cannot be cut into lines.
fn is_monitor<R>(response: &Response<R>) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_LENGTH)
}

async fn pump_plain<R: Body<Data = Bytes>>(body: R, publisher: &Publisher) -> StreamEnd {
    let mut lines = LineSplitter::new(Framing::Plain);
    let mut body = pin!(body);
    let end = loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data()
                    && let Some(piece) = lines.push_chunk(chunk)
                {
                    publisher.publish(&piece);
                }
            }
            Some(Err(_)) => break StreamEnd::Broken,
            None => break StreamEnd::Clean,
        }
    };
    lines.take_rest().inspect(|rest| publisher.publish(rest));
    end
}

async fn pump_framed<R: Body<Data = Bytes>>(body: R, publisher: &Publisher) -> StreamEnd {
    let mut lines = LineSplitter::new(Framing::Framed);
    let body = pin!(body);
    let mut frames = FrameStream::new(body, Limits::default());
    loop {
        let failed = match frames.next().await {
            None => {
                lines.take_rest().inspect(|rest| publisher.publish(rest));
                return StreamEnd::Clean;
            }
            Some(Ok(frame)) => match lines.push_frame(&frame.as_frame()) {
                Ok(piece) => {
                    piece.inspect(|piece| publisher.publish(piece));
                    continue;
                }
                Err(_) => return StreamEnd::Broken,
            },
            Some(Err(failed)) => failed,
        };
        lines.take_rest().inspect(|rest| publisher.publish(rest));
        // What the agent says at the end is said to everybody.
        return match failed {
            FrameStreamError::Frame(FrameError::SenderError { text, .. }) => {
                publisher.publish(&line_splitter::whole_line(text.into()));
                StreamEnd::Clean
            }
            _ => StreamEnd::Broken,
        };
    }
}
