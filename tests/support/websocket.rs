//! An agent that serves websockets, and the client's side of one.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role},
    },
};

/// A wait longer than this has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An agent on a port of its own: it sends `early` together with its 101 and echoes messages until it receives
/// `bye`, after which it closes the connection without a close frame.
#[derive(Clone)]
pub(crate) struct EchoAgent {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    heads: Vec<String>,
    messages: Vec<Message>,
    ended: usize,
}

impl EchoAgent {
    pub(crate) async fn start(tasks: &mut JoinSet<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let agent = Self { address, seen: Arc::default() };
        let serving = agent.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let agent = serving.clone();
                connections.spawn(async move {
                    agent.serve(stream).await;
                    agent.seen.lock().unwrap().ended += 1;
                });
            }
        });
        agent
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase_names();
        self.seen.lock().unwrap().heads.push(head.clone());
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        // The first frame is sent together with the head: a reader of the head has read it ahead.
        answer.extend_from_slice(b"\x81\x05early");
        stream.write_all(&answer).await.unwrap();
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            self.seen.lock().unwrap().messages.push(message.clone());
            if message == Message::text("bye") {
                return;
            }
            if message.is_text() || message.is_binary() {
                drop(socket.send(message).await);
            }
        }
    }

    /// The heads of all requests, names in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().heads.clone()
    }

    /// All messages.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.seen.lock().unwrap().messages.clone()
    }

    /// Waits until this many of its connections have ended.
    pub(crate) async fn wait_connections_ended(&self, connections: usize) {
        let ended = async {
            while self.seen.lock().unwrap().ended < connections {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(TIMEOUT, ended).await.expect("the agent still holds a tunnel");
    }
}

trait LowerCaseNames {
    fn to_ascii_lowercase_names(self) -> String;
}

impl LowerCaseNames for String {
    fn to_ascii_lowercase_names(self) -> String {
        let lower = |line: &str| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\r\n", name.to_ascii_lowercase()),
            None => format!("{line}\r\n"),
        };
        self.lines().map(lower).collect()
    }
}

/// A client's websocket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens one; a refusal is its status and text.
    pub(crate) async fn open(
        gateway: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{gateway}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(gateway).await.unwrap();
        match timeout(TIMEOUT, client_async(request, stream)).await.unwrap() {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(refusal)) => {
                let text = refusal.body().clone().unwrap_or_default();
                Err((refusal.status().as_u16(), String::from_utf8(text).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, `None` at the end of the connection.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        timeout(TIMEOUT, self.0.next()).await.unwrap()?.ok()
    }

    /// Sends a close frame, and waits for nothing.
    pub(crate) async fn close(&mut self) {
        self.0.close(None).await.unwrap();
    }

    /// Reads the next close frame.
    pub(crate) async fn close_frame(&mut self) -> (u16, String) {
        match self.receive().await {
            Some(Message::Close(Some(CloseFrame { code, reason }))) => {
                (code.into(), reason.to_string())
            }
            other => panic!("no close frame: {other:?}"),
        }
    }
}
