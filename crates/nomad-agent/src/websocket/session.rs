//! One websocket session.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use http::{Request, StatusCode, request::Parts};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use nomad_acl::{Identify, Tokens};
use nomad_frames::ExecMessage;
use nomad_wire::{HttpError, Query, query::ExecQuery};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tower_service::Service as _;

use super::handshake;
use crate::standalone::{FindSubject, RequestLog};

/// Length limit of a message, and of all bytes queued for a process that does not read.
const MAX_MESSAGE: usize = ExecMessage::MAX_LENGTH;

/// Messages queued for a process that does not read. Beyond that nothing is read from the socket.
const QUEUED_MESSAGES: usize = 32;

/// Timeout of the first message: until then the connection is not authorized.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an idle client is pinged: as often as Nomad's clients send their heartbeats.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// A client that missed six pings is gone, and its command must not continue.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for the client to read the close frame. Closing at once could destroy data it has not read yet.
const LINGER: Duration = Duration::from_secs(2);

/// Length limit of the reason in a close frame (RFC 6455, section 5.5).
const MAX_REASON: usize = 123;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// One session, not started yet.
pub(super) struct Session<T> {
    pub(super) connection: OnUpgrade,
    pub(super) head: Parts,
    pub(super) service: Identify<FindSubject, T>,
    pub(super) request_log: RequestLog,
}

impl<T: Tokens + Send + 'static> Session<T> {
    /// Runs the session to its end. Dropping it closes the connection and ends the command.
    pub(super) async fn run(self) {
        let Self { connection, head, service, request_log: completion } = self;
        let connection = match connection.await {
            Ok(connection) => TokioIo::new(connection),
            // The client disconnected before the response was sent.
            Err(error) => {
                return tracing::debug!(target: "http", %error, "websocket upgrade failed");
            }
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let mut socket =
            WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
        let fault = match read_handshake(&mut socket, head).await {
            Ok(None) => return,
            Ok(Some(head)) => {
                let (rest, fault) = exchange_messages(socket, head, service).await;
                let Some(rest) = rest else { return };
                socket = rest;
                fault
            }
            Err(fault) => Some(fault),
        };
        if let Some(fault) = &fault {
            completion.log_failure(fault);
        }
        close(socket, fault).await;
    }
}

/// Takes the token from the first message if the query requests it. `None` when the client disconnected.
async fn read_handshake(socket: &mut Socket, mut head: Parts) -> Result<Option<Parts>, HttpError> {
    if !ExecQuery::has_handshake(&Query::from_uri(&head.uri))? {
        return Ok(Some(head));
    }
    let policy = |text: String| HttpError::new(StatusCode::BAD_REQUEST, text);
    let first = timeout(HANDSHAKE_TIMEOUT, next_data(socket)).await;
    let first = first.map_err(|_| policy("no handshake message".to_owned()))?;
    let message = match first {
        SocketEvent::Data(message) => message,
        SocketEvent::TooLong => return Err(too_long()),
        SocketEvent::Control | SocketEvent::Closed => return Ok(None),
    };
    handshake::apply_token(&message, &mut head.headers)
        .map_err(|error| policy(error.to_string()))?;
    Ok(Some(head))
}

async fn next_data(socket: &mut Socket) -> SocketEvent {
    loop {
        match SocketEvent::from_message(socket.next().await) {
            SocketEvent::Control => {}
            heard => return heard,
        }
    }
}

/// An event on the client's side of the connection.
enum SocketEvent {
    /// A message.
    Data(Bytes),
    /// Nothing for the command; the library responds to pings.
    Control,
    /// The client has closed, or is gone.
    Closed,
    /// A message above the length limit.
    TooLong,
}

impl SocketEvent {
    fn from_message(message: Option<Result<Message, tungstenite::Error>>) -> Self {
        match message {
            Some(Ok(Message::Text(text))) => Self::Data(text.into()),
            Some(Ok(Message::Binary(data))) => Self::Data(data),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Self::Control,
            Some(Err(tungstenite::Error::Capacity(_))) => Self::TooLong,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Self::Closed,
        }
    }
}

fn too_long() -> HttpError {
    let text = format!("a message may have {MAX_MESSAGE} bytes");
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// Calls the service and copies messages in both directions. Returns the socket unless the client disconnected, and
/// the reason if the session was refused.
async fn exchange_messages<T>(
    socket: Socket,
    head: Parts,
    service: Identify<FindSubject, T>,
) -> (Option<Socket>, Option<HttpError>)
where
    T: Tokens + Send + 'static,
{
    let (mut sink, mut stream) = socket.split();
    let (to, messages) = mpsc::channel(QUEUED_MESSAGES);
    let request = Request::from_parts(head, MessageBody(messages));
    let ended = {
        let mut hearing = pin!(read_messages(&mut stream, to));
        let mut saying = pin!(write_response(&mut sink, service, request));
        tokio::select! {
            ended = &mut saying => ended,
            fault = &mut hearing => fault.map(Some),
        }
    };
    match (ended, sink.reunite(stream)) {
        (Some(fault), Ok(socket)) => (Some(socket), fault),
        _ => (None, None),
    }
}

/// Copies the client's messages into the request body. Ends when the client is gone, or with an invalid message.
async fn read_messages(
    from: &mut SplitStream<Socket>,
    to: mpsc::Sender<QueuedMessage>,
) -> Option<HttpError> {
    let room = Arc::new(Semaphore::new(MAX_MESSAGE));
    // While the process does not read, nothing is read from the socket either.
    while let Ok(slot) = to.reserve().await {
        let message = loop {
            match SocketEvent::from_message(timeout(IDLE_TIMEOUT, from.next()).await.ok()?) {
                SocketEvent::Data(message) => break message,
                SocketEvent::Control => {}
                SocketEvent::Closed => return None,
                SocketEvent::TooLong => return Some(too_long()),
            }
        };
        let bytes = u32::try_from(message.len()).ok()?;
        let permit = Arc::clone(&room).acquire_many_owned(bytes).await.ok()?;
        slot.send(QueuedMessage { message, _permit: permit });
    }
    // The service reads no more input; the response continues.
    std::future::pending().await
}

/// Copies the response to the client. `None` when the client is gone, otherwise the reason if the session was
/// refused.
async fn write_response<T>(
    to: &mut SplitSink<Socket, Message>,
    mut service: Identify<FindSubject, T>,
    request: Request<MessageBody>,
) -> Option<Option<HttpError>>
where
    T: Tokens + Send + 'static,
{
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.tick().await;
    let mut answer = Box::pin(service.call(request));
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            _ = ping.tick() => to.send(Message::Ping(Bytes::new())).await.ok()?,
        }
    };
    // An open session must not keep the agent alive.
    drop(service);
    let mut body = match answer {
        Ok(answer) => answer.into_body(),
        Err(error) => return Some(Some(error.into_http_error())),
    };
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = ping.tick() => {
                to.send(Message::Ping(Bytes::new())).await.ok()?;
                continue;
            }
        };
        let Some(Ok(frame)) = frame else { return Some(None) };
        if let Some(text) = frame.into_data().ok().and_then(|data| Utf8Bytes::try_from(data).ok()) {
            to.send(Message::Text(text)).await.ok()?;
        }
    }
}

/// Closes the session: with a close frame if it was refused, otherwise without one, as Nomad does.
async fn close(mut socket: Socket, fault: Option<HttpError>) {
    let ending = async {
        if let Some(fault) = fault {
            let code = match fault.status() {
                StatusCode::INTERNAL_SERVER_ERROR => CloseCode::Error,
                StatusCode::PAYLOAD_TOO_LARGE => CloseCode::Size,
                _ => CloseCode::Policy,
            };
            let reason = Utf8Bytes::from(truncate_reason(fault.text()));
            drop(socket.close(Some(CloseFrame { code, reason })).await);
        }
        let connection = socket.get_mut();
        if connection.shutdown().await.is_ok() {
            // Wait until the client has closed as well, and discard what it still sends.
            let mut rest = [0; 1024];
            while matches!(connection.read(&mut rest).await, Ok(1..)) {}
        }
    };
    // The connection is closed after the timeout even if the client has not read the end.
    drop(timeout(LINGER, ending).await);
}

fn truncate_reason(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A message, with its permit for the queued bytes.
#[derive(Debug)]
struct QueuedMessage {
    message: Bytes,
    _permit: OwnedSemaphorePermit,
}

/// The client's messages, as the body of a request.
#[derive(Debug)]
pub(super) struct MessageBody(mpsc::Receiver<QueuedMessage>);

impl http_body::Body for MessageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|held| held.map(|held| Ok(Frame::data(held.message))))
    }
}
