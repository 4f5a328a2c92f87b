//! Websockets whose token comes in the first message: browsers can set no header on them.
//!
//! The caller gets its 101 from here, since it sends nothing before, and holds no place among the open ones. The agent hears of the caller only after the
//! chain has admitted the token, and gets the very bytes that were read.

use std::{convert::Infallible, future::poll_fn, time::Duration};

use bytes::BytesMut;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use nomad_acl::HandshakeToken;
use nomad_wire::SecretId;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tower_service::Service;

use super::{
    close_frame::CloseFrame,
    copy::{UPGRADE_TIMEOUT, copy_bidirectional},
    first_message::{self, MAX_FIRST_MESSAGE},
    refusal,
    tunnels::TunnelPermit,
};

/// The first message follows the 101 at once; who needs longer only holds a place.
pub(super) const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the first message, asks the chain, and joins, or closes with the reason.
pub(super) async fn serve<S, B, R>(
    chain: S,
    request: Request<B>,
    caller: OnUpgrade,
    passage: TunnelPermit,
) where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Body,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(Ok(caller)) = timeout(UPGRADE_TIMEOUT, caller).await else { return };
    let mut caller = TokioIo::new(caller);
    tokio::select! {
        () = passage.shutdown() => {}
        end = connect_upstream(chain, request, &mut caller, &passage) => match end {
            Ok((agent, first)) => replay(caller, agent, &first, &passage).await,
            Err(Some(close)) => refusal::send_close(&mut caller, &close, &passage).await,
            Err(None) => {}
        }
    }
}

/// The agent's side and the bytes that it must get first; or the reason to close, unless the caller has gone.
async fn connect_upstream<S, B, R>(
    mut chain: S,
    mut request: Request<B>,
    caller: &mut (impl AsyncRead + Unpin),
    passage: &TunnelPermit,
) -> Result<(OnUpgrade, BytesMut), Option<CloseFrame>>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Body,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let read = timeout(FIRST_MESSAGE_TIMEOUT, read_first_message(caller)).await;
    let (bytes, token) =
        read.map_err(|_| Some(CloseFrame::policy("no first message in time")))??;
    if let Some(token) = token {
        request.extensions_mut().insert(HandshakeToken(token));
    }
    let Ok(()) = poll_fn(|cx| chain.poll_ready(cx)).await;
    let Ok(mut response) = chain.call(request).await;
    passage.record_agent(&response);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Now it is decided, and the agent has begun nothing before it reads the message.
        passage.open()?;
        return Ok((hyper::upgrade::on(&mut response), bytes));
    }
    Err(Some(refusal::close_frame(response).await))
}

/// Everything that was read up to the end of the first message and behind it, and the token in it.
pub(super) async fn read_first_message(
    caller: &mut (impl AsyncRead + Unpin),
) -> Result<(BytesMut, Option<SecretId>), Option<CloseFrame>> {
    let mut bytes = BytesMut::new();
    loop {
        if let Some(message) = first_message::parse_message(&bytes)? {
            return Ok((bytes, first_message::parse_token(&message)?));
        }
        if bytes.len() > MAX_FIRST_MESSAGE {
            return Err(Some(CloseFrame::policy("the first message is too long")));
        }
        if caller.read_buf(&mut bytes).await.map_err(|_| None)? == 0 {
            return Err(None);
        }
    }
}

async fn replay(
    caller: impl AsyncRead + AsyncWrite,
    agent: OnUpgrade,
    first: &[u8],
    passage: &TunnelPermit,
) {
    let Ok(Ok(agent)) = timeout(UPGRADE_TIMEOUT, agent).await else { return };
    let mut agent = TokioIo::new(agent);
    if agent.write_all(first).await.is_ok() && agent.flush().await.is_ok() {
        passage.agent_counter().fetch_add(first.len() as u64, std::sync::atomic::Ordering::Relaxed);
        copy_bidirectional(caller, agent, passage).await;
    }
}
