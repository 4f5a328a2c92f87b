//! A refusal as Nomad gives it: the websocket is opened, and closed with the reason.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE},
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use nomad_wire::header::{X_NOMAD_GATEWAY_AGENT, X_NOMAD_GATEWAY_DENIED, X_NOMAD_GATEWAY_PATH};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, sink},
    time::timeout,
};
use tracing::Instrument as _;

use super::{
    close::Close,
    join::{LINGER, UPGRADE_LIMIT},
    tunnels::Passage,
};

/// So much of a refusal's text is read; a close frame has room for less.
const MAX_TEXT: usize = 4 << 10;

/// The answer that opens a websocket from here.
pub(super) fn switching(accept: HeaderValue, passage: &Passage) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.extensions_mut().insert(passage.tally());
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Opens the websocket of a caller who was refused; the refusal becomes its close frame.
pub(super) fn opened<R>(
    refused: Response<R>,
    caller: OnUpgrade,
    accept: HeaderValue,
    passage: Passage,
) -> Response<Full<Bytes>>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut response = switching(accept, &passage);
    for name in [X_NOMAD_GATEWAY_AGENT, X_NOMAD_GATEWAY_DENIED, X_NOMAD_GATEWAY_PATH] {
        if let Some(value) = refused.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    passage.answered_by(&refused);
    let refused = async move {
        let closing = async {
            let (close, caller) = tokio::join!(close(refused), timeout(UPGRADE_LIMIT, caller));
            let Ok(Ok(caller)) = caller else { return };
            say(&mut TokioIo::new(caller), &close, &passage).await;
        };
        tokio::select! {
            () = passage.over() => {}
            () = closing => {}
        }
    };
    tokio::spawn(refused.in_current_span());
    response
}

/// The close frame that says what an answer says.
pub(super) async fn close<R>(refused: Response<R>) -> Close
where
    R: Body,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let status = refused.status();
    let text = Limited::new(refused.into_body(), MAX_TEXT).collect().await;
    let text = text.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    Close::of(status, &String::from_utf8_lossy(&text))
}

/// Says why it ends.
pub(super) async fn say(
    caller: &mut (impl AsyncRead + AsyncWrite + Unpin),
    close: &Close,
    passage: &Passage,
) {
    passage.closed_with(close.code);
    drop(timeout(LINGER, say_goodbye(caller, close)).await);
}

/// Sends the close frame and waits for the caller's end: a socket that is dropped with bytes unread takes the frame
/// with it.
async fn say_goodbye(
    caller: &mut (impl AsyncRead + AsyncWrite + Unpin),
    close: &Close,
) -> std::io::Result<()> {
    caller.write_all(&close.to_bytes()).await?;
    caller.shutdown().await?;
    tokio::io::copy(caller, &mut sink()).await.map(drop)
}
