//! One conversation.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
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
use nomad_wire::{Fault, Query, query::ExecQuery};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tower_service::Service as _;

use super::handshake;
use crate::found::{Completion, Find};

/// Nomad's own clients send 2 KiB at once. Whoever sends more than this, which is also the most that a message about a
/// command is read of, sends no input of a command.
const MOST_MESSAGE: usize = 256 * 1024;

/// Messages that wait for a process that does not read. Then nothing is taken from the socket any more.
const QUEUED_MESSAGES: usize = 32;

/// How long the first message may take, for it holds a connection that nobody has answered for yet.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How often a silent caller is asked whether it is there: as often as Nomad's clients say so by themselves.
const PING: Duration = Duration::from_secs(10);

/// A caller that has answered none of six questions is gone, and its command must not run on.
const DEAD: Duration = Duration::from_secs(60);

/// How long a caller may take to hear the end. Closing at once could destroy what it has not read yet.
const LINGER: Duration = Duration::from_secs(2);

/// The reason in a close frame may be 123 bytes long (RFC 6455, section 5.5).
const MOST_REASON: usize = 123;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// One conversation, not yet begun.
pub(super) struct Session<T> {
    pub(super) connection: OnUpgrade,
    pub(super) head: Parts,
    pub(super) service: Identify<Find, T>,
    pub(super) completion: Completion,
}

impl<T: Tokens + Send + 'static> Session<T> {
    /// Holds the conversation to its end. Dropping it closes the connection and ends the command.
    pub(super) async fn run(self) {
        let Self { connection, head, service, completion } = self;
        let connection = match connection.await {
            Ok(connection) => TokioIo::new(connection),
            // The caller went away before it had the answer.
            Err(error) => return tracing::debug!(target: "http", %error, "no websocket"),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(MOST_MESSAGE))
            .max_frame_size(Some(MOST_MESSAGE));
        let mut socket =
            WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
        let fault = match greet(&mut socket, head).await {
            Ok(None) => return,
            Ok(Some(head)) => {
                let (rest, fault) = converse(socket, head, service).await;
                let Some(rest) = rest else { return };
                socket = rest;
                fault
            }
            Err(fault) => Some(fault),
        };
        if let Some(fault) = &fault {
            completion.failed(fault);
        }
        farewell(socket, fault).await;
    }
}

/// Takes the token from the first message if the query says so. None when the caller went away.
async fn greet(socket: &mut Socket, mut head: Parts) -> Result<Option<Parts>, Fault> {
    if !ExecQuery::handshake(&Query::of(&head.uri))? {
        return Ok(Some(head));
    }
    let policy = |text: String| Fault::new(StatusCode::BAD_REQUEST, text);
    let first = timeout(HANDSHAKE_LIMIT, next_data(socket)).await;
    let first = first.map_err(|_| policy("no handshake message".to_owned()))?;
    let Some(message) = first else { return Ok(None) };
    handshake::apply(&message, &mut head.headers).map_err(|error| policy(error.to_string()))?;
    Ok(Some(head))
}

async fn next_data(socket: &mut Socket) -> Option<Bytes> {
    loop {
        if let Some(data) = data(socket.next().await?.ok()?) {
            return data;
        }
    }
}

/// The bytes of a message; `Some(None)` when there are none to come, none when it is no message of the caller's.
fn data(message: Message) -> Option<Option<Bytes>> {
    match message {
        Message::Text(text) => Some(Some(text.into())),
        Message::Binary(data) => Some(Some(data)),
        Message::Close(_) => Some(None),
        // Pings are answered by the library.
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
    }
}

/// Asks the service and carries messages to and fro. Gives the socket back unless the caller went away, and why the
/// conversation was refused.
async fn converse<T>(
    socket: Socket,
    head: Parts,
    service: Identify<Find, T>,
) -> (Option<Socket>, Option<Fault>)
where
    T: Tokens + Send + 'static,
{
    let (mut sink, mut stream) = socket.split();
    let (to, messages) = mpsc::channel(QUEUED_MESSAGES);
    let request = Request::from_parts(head, Messages(messages));
    let ended = {
        let mut hearing = pin!(hear(&mut stream, to));
        let mut saying = pin!(say(&mut sink, service, request));
        tokio::select! {
            ended = &mut saying => ended,
            () = &mut hearing => None,
        }
    };
    match (ended, sink.reunite(stream)) {
        (Some(fault), Ok(socket)) => (Some(socket), fault),
        _ => (None, None),
    }
}

/// What the caller says goes into the body of its request. Ends when the caller is gone.
async fn hear(from: &mut SplitStream<Socket>, to: mpsc::Sender<Bytes>) {
    // While the process does not read, nothing is read from the socket either.
    while let Ok(place) = to.reserve().await {
        let message = loop {
            let Ok(Some(Ok(message))) = timeout(DEAD, from.next()).await else { return };
            if let Some(data) = data(message) {
                break data;
            }
        };
        let Some(message) = message else { return };
        place.send(message);
    }
    // Nobody wants to hear more; the answer goes on.
    std::future::pending().await
}

/// What the answer says goes to the caller. None when the caller is gone, else why the conversation was refused.
async fn say<T>(
    to: &mut SplitSink<Socket, Message>,
    mut service: Identify<Find, T>,
    request: Request<Messages>,
) -> Option<Option<Fault>>
where
    T: Tokens + Send + 'static,
{
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.tick().await;
    let mut answer = Box::pin(service.call(request));
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            _ = ping.tick() => to.send(Message::Ping(Bytes::new())).await.ok()?,
        }
    };
    // The agent must not live on because somebody talks to a command of it.
    drop(service);
    let mut body = match answer {
        Ok(answer) => answer.into_body(),
        Err(error) => return Some(Some(error.into_fault())),
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

/// Ends the conversation: with a close frame if it was refused, without one after it was held, as Nomad does.
async fn farewell(mut socket: Socket, fault: Option<Fault>) {
    let ending = async {
        if let Some(fault) = fault {
            let code = match fault.status() {
                StatusCode::INTERNAL_SERVER_ERROR => CloseCode::Error,
                _ => CloseCode::Policy,
            };
            let reason = Utf8Bytes::from(shortened(fault.text()));
            drop(socket.close(Some(CloseFrame { code, reason })).await);
        }
        let connection = socket.get_mut();
        if connection.shutdown().await.is_ok() {
            // Until the caller has closed as well; what it still says is of no interest.
            let mut rest = [0; 1024];
            while matches!(connection.read(&mut rest).await, Ok(1..)) {}
        }
    };
    // Whoever does not hear the end has it ended.
    drop(timeout(LINGER, ending).await);
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MOST_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What the caller says, as the body of a request.
#[derive(Debug)]
pub(super) struct Messages(mpsc::Receiver<Bytes>);

impl http_body::Body for Messages {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|message| message.map(|message| Ok(Frame::data(message))))
    }
}
