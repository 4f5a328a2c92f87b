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
    close_frame::CloseFrame,
    copy::{HALF_CLOSE_TIMEOUT, UPGRADE_TIMEOUT},
    tunnels::TunnelPermit,
};

/// So much of a refusal's text is read; a close frame has room for less.
const MAX_TEXT: usize = 4 << 10;

/// The answer that opens a websocket from here.
pub(super) fn switching_protocols(
    accept: HeaderValue,
    passage: &TunnelPermit,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.extensions_mut().insert(passage.stats());
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Opens the websocket of a caller who was refused; the refusal becomes its close frame.
pub(super) fn open_and_close<R>(
    refused: Response<R>,
    caller: OnUpgrade,
    accept: HeaderValue,
    passage: TunnelPermit,
) -> Response<Full<Bytes>>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut response = switching_protocols(accept, &passage);
    for name in [X_NOMAD_GATEWAY_AGENT, X_NOMAD_GATEWAY_DENIED, X_NOMAD_GATEWAY_PATH] {
        if let Some(value) = refused.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    passage.record_agent(&refused);
    let refused = async move {
        let closing = async {
            let (close, caller) =
                tokio::join!(close_frame(refused), timeout(UPGRADE_TIMEOUT, caller));
            let Ok(Ok(caller)) = caller else { return };
            send_close(&mut TokioIo::new(caller), &close, &passage).await;
        };
        tokio::select! {
            () = passage.shutdown() => {}
            () = closing => {}
        }
    };
    tokio::spawn(refused.in_current_span());
    response
}

/// The close frame that says what an answer says.
pub(super) async fn close_frame<R>(refused: Response<R>) -> CloseFrame
where
    R: Body,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let status = refused.status();
    let text = Limited::new(refused.into_body(), MAX_TEXT).collect().await;
    let text = text.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    CloseFrame::from_status(status, &String::from_utf8_lossy(&text))
}

/// Says why it ends.
pub(super) async fn send_close(
    caller: &mut (impl AsyncRead + AsyncWrite + Unpin),
    close: &CloseFrame,
    passage: &TunnelPermit,
) {
    passage.record_close_code(close.code);
    drop(timeout(HALF_CLOSE_TIMEOUT, write_close_frame(caller, close)).await);
}

/// Sends the close frame and waits for the caller's end: a socket that is dropped with bytes unread takes the frame
/// with it.
async fn write_close_frame(
    caller: &mut (impl AsyncRead + AsyncWrite + Unpin),
    close: &CloseFrame,
) -> std::io::Result<()> {
    caller.write_all(&close.to_bytes()).await?;
    caller.shutdown().await?;
    tokio::io::copy(caller, &mut sink()).await.map(drop)
}
