//! A read over a websocket, as Nomad's web page watches since 2.0.6.
//!
//! ```text
//!  page ── upgrade, nomad-watcher ──► 101 from here ──► first message, if the token comes in it
//!       ◄── {"headers":{…},"payload":…} ◄── the chain answers an ordinary GET
//!       ◄── close 1000; a refusal closes with its reason instead
//! ```
//!
//! The page never asks again over the same websocket, and goes away when it has lost interest.

use std::{
    collections::BTreeMap, convert::Infallible, future::poll_fn, sync::atomic::Ordering,
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, Uri,
    header::{
        ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
        UPGRADE,
    },
    uri::PathAndQuery,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use nomad_wire::{Query, header::X_NOMAD_TOKEN};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tower_service::Service;

use super::{
    close_frame::CloseFrame,
    copy::UPGRADE_TIMEOUT,
    handshake::{FIRST_MESSAGE_TIMEOUT, read_first_message},
    refusal,
    tunnels::TunnelPermit,
    upgrade_kind::HANDSHAKE_PARAM,
};

/// What such a websocket speaks.
pub(super) const PROTOCOL: &str = "nomad-watcher";

/// The longest answer that is put into a message: as long as one that callers share.
const MAX_RESPONSE: usize = 16 << 20;

/// How long the message may take: the longest one over a slow line.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// What belongs to the websocket, or says how the answer is sent.
const WEBSOCKET_HEADERS: [HeaderName; 7] = [
    ACCEPT_ENCODING,
    CONNECTION,
    SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION,
    UPGRADE,
];

/// What is said of the answer's way here.
const UNREPORTED_HEADERS: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING];

/// The answer that opens the websocket.
pub(super) fn switching_protocols(
    accept: HeaderValue,
    passage: &TunnelPermit,
) -> Response<Full<Bytes>> {
    let mut response = refusal::switching_protocols(accept, passage);
    let protocol = HeaderValue::from_static(PROTOCOL);
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    response
}

/// Asks the chain, says what it answers, and closes.
pub(super) async fn serve<S, B, R>(
    chain: S,
    mut request: Request<B>,
    has_late_token: bool,
    caller: OnUpgrade,
    passage: TunnelPermit,
) where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(Ok(caller)) = timeout(UPGRADE_TIMEOUT, caller).await else { return };
    let mut caller = TokioIo::new(caller);
    let watching = async {
        let answered = async {
            if has_late_token {
                take_token(&mut request, &mut caller).await?;
                passage.open()?;
            }
            tokio::select! {
                answer = fetch(chain, into_plain_request(request), &passage) => answer.map_err(Some),
                () = wait_for_close(&mut caller) => Err(None),
            }
        };
        let close = match answered.await {
            Ok(message) => match timeout(SEND_TIMEOUT, message.send(&mut caller, &passage)).await {
                Ok(Ok(())) => CloseFrame::normal("request complete"),
                Ok(Err(_)) | Err(_) => return,
            },
            Err(Some(close)) => close,
            Err(None) => return,
        };
        refusal::send_close(&mut caller, &close, &passage).await;
    };
    tokio::select! {
        () = passage.shutdown() => {}
        () = watching => {}
    }
}

/// Takes the token from the first message.
async fn take_token<B>(
    request: &mut Request<B>,
    caller: &mut (impl AsyncRead + Unpin),
) -> Result<(), Option<CloseFrame>> {
    let read = timeout(FIRST_MESSAGE_TIMEOUT, read_first_message(caller)).await;
    let (_, token) = read.map_err(|_| Some(CloseFrame::policy("no first message in time")))??;
    if let Some(token) = token {
        let value = token.header_value();
        let value = value.ok_or_else(|| CloseFrame::policy("handshake auth token is not text"))?;
        request.headers_mut().insert(X_NOMAD_TOKEN, value);
    }
    Ok(())
}

/// The same question without a websocket.
fn into_plain_request<B>(mut request: Request<B>) -> Request<B> {
    for name in &WEBSOCKET_HEADERS {
        request.headers_mut().remove(name);
    }
    if let Some(uri) = without_handshake_param(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// Callers who ask the same are told by the same URI, however their token comes.
fn without_handshake_param(uri: &Uri) -> Option<Uri> {
    let is_other = |pair: &&str| Query::new(pair).pairs().all(|(key, _)| key != HANDSHAKE_PARAM);
    let kept: Vec<_> = uri.query()?.split('&').filter(is_other).collect();
    let mut parts = uri.clone().into_parts();
    let path_and_query = format!("{}?{}", uri.path(), kept.join("&"));
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

async fn fetch<S, B, R>(
    mut chain: S,
    request: Request<B>,
    passage: &TunnelPermit,
) -> Result<WatchMessage, CloseFrame>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(()) = poll_fn(|cx| chain.poll_ready(cx)).await;
    let Ok(response) = chain.call(request).await;
    passage.record_agent(&response);
    if !response.status().is_success() {
        return Err(refusal::close_frame(response).await);
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE).collect().await;
    let body = body.map_err(|_| CloseFrame::internal("the agent's answer broke off"))?.to_bytes();
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !body.is_empty() && !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(CloseFrame::internal("the agent's answer is no JSON"));
    }
    Ok(WatchMessage::new(&head.headers, body))
}

/// Returns when the page has gone, or says that it will. It has nothing else to say.
async fn wait_for_close(caller: &mut (impl AsyncRead + Unpin)) {
    const OPCODE: u8 = 0x0f;
    const CLOSE: u8 = 0x8;
    let mut bytes = [0; 256];
    while let Ok(1..) = caller.read(&mut bytes).await {
        if bytes[0] & OPCODE == CLOSE {
            return;
        }
    }
}

/// `{"headers":{"X-Nomad-Index":["7"],…},"payload":…}`
struct WatchMessage {
    prefix: String,
    payload: Bytes,
}

impl WatchMessage {
    fn new(headers: &HeaderMap, payload: Bytes) -> Self {
        let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in headers {
            if let (false, Ok(value)) = (UNREPORTED_HEADERS.contains(name), value.to_str()) {
                told.entry(canonical_name(name)).or_default().push(value);
            }
        }
        let before = format!("{{\"headers\":{},\"payload\":", serde_json::json!(told));
        let payload = if payload.is_empty() { Bytes::from_static(b"null") } else { payload };
        Self { prefix: before, payload }
    }

    async fn send(
        &self,
        caller: &mut (impl AsyncWrite + Unpin),
        passage: &TunnelPermit,
    ) -> std::io::Result<()> {
        let length = (self.prefix.len() + self.payload.len() + 1) as u64;
        caller.write_all(&text_frame_head(length)).await?;
        caller.write_all(self.prefix.as_bytes()).await?;
        caller.write_all(&self.payload).await?;
        caller.write_all(b"}").await?;
        caller.flush().await?;
        passage.client_counter().fetch_add(length, Ordering::Relaxed);
        Ok(())
    }
}

/// The head of a whole text message of a server (RFC 6455, section 5.2).
fn text_frame_head(length: u64) -> Vec<u8> {
    let mut head = vec![0x81];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => head.push(length),
        (_, Ok(length)) => {
            head.push(126);
            head.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            head.push(127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head
}

/// A header's name as Nomad spells it.
fn canonical_name(name: &HeaderName) -> String {
    let mut is_first = true;
    let spelled = name.as_str().chars().map(|letter| {
        let spelled = if is_first { letter.to_ascii_uppercase() } else { letter };
        is_first = letter == '-';
        spelled
    });
    spelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_becomes_one_message() {
        let mut headers = HeaderMap::new();
        headers.insert("x-nomad-index", HeaderValue::from_static("7"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("2"));
        let message = WatchMessage::new(&headers, Bytes::from_static(b"[]"));
        assert_eq!(message.prefix, r#"{"headers":{"X-Nomad-Index":["7"]},"payload":"#);
        assert_eq!(WatchMessage::new(&headers, Bytes::new()).payload, "null");
    }

    #[test]
    fn a_frame_says_its_length_in_as_few_bytes_as_it_can() {
        for (length, head) in [
            (125, &[0x81, 125][..]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(text_frame_head(length), head);
        }
    }

    #[test]
    fn the_plain_request_has_no_handshake() {
        let without =
            |uri: &str| without_handshake_param(&uri.parse().unwrap()).map(|uri| uri.to_string());
        let asked = without("/v1/jobs?index=7&ws_handshake=true&region=a%26b");
        assert_eq!(asked.as_deref(), Some("/v1/jobs?index=7&region=a%26b"));
        assert_eq!(without("/v1/jobs"), None);
    }
}
