//! An agent on a port of its own, with the fleet's responses, that breaks on command.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::fleet::{ClusterModel, ReceivedRequest, ScriptedResponse};

/// How an agent is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It works.
    None,
    /// Nothing listens, and every connection is closed: its process died.
    Refuse,
    /// It reads a request and resets the connection.
    Reset,
    /// It reads a request and closes the connection.
    HangUp,
    /// It breaks off in the middle of the response head.
    HalfHead,
    /// It sends something other than HTTP.
    Garbage,
    /// It breaks off in the middle of the response body.
    HalfBody,
    /// It reads a request and sends nothing.
    Stall,
}

/// A running agent.
pub(crate) struct ScriptedAgent {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    fault: watch::Sender<Fault>,
}

impl ScriptedAgent {
    pub(crate) async fn start(
        tasks: &mut JoinSet<()>,
        name: &'static str,
        fleet: &ClusterModel,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (fault, seen) = watch::channel(Fault::None);
        tasks.spawn(listen(listener, address, seen, AgentContext { name, fleet: fleet.clone() }));
        Self { name, address, fault }
    }

    /// Sets how it is broken from now on.
    pub(crate) fn set_fault(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

#[derive(Clone)]
struct AgentContext {
    name: &'static str,
    fleet: ClusterModel,
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    mut fault: watch::Receiver<Fault>,
    host: AgentContext,
) {
    loop {
        let mut open = JoinSet::new();
        while *fault.borrow_and_update() != Fault::Refuse {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    open.spawn(serve_connection(stream, fault.clone(), host.clone()));
                }
                changed = fault.changed() => if changed.is_err() { return },
                Some(_) = open.join_next() => {}
            }
        }
        drop((listener, open));
        if fault.wait_for(|fault| *fault != Fault::Refuse).await.is_err() {
            return;
        }
        listener = rebind(address).await;
    }
}

/// Listens on the same port again.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        match socket.bind(address) {
            Ok(()) => return socket.listen(1024).unwrap(),
            // Connections of the dead process are still being closed.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Serves one request after the other, until either side closes.
async fn serve_connection(stream: TcpStream, fault: watch::Receiver<Fault>, host: AgentContext) {
    drop(stream.set_nodelay(true));
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let now = *fault.borrow();
        // Whatever happens to the response: the agent has received the request, and carries it out.
        let answer = host.fleet.respond(host.name, &asked).await;
        if !write_response(stream.get_mut(), now, answer).await {
            if now == Fault::Reset {
                drop(stream.get_ref().set_zero_linger());
            }
            return;
        }
    }
}

/// A whole request; `None` when the peer is gone.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let mut found = lines.iter().filter_map(|line| line.split_once(": "));
        found.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = lines.first()?.split(' ');
    let (method, uri) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(ReceivedRequest { method, uri, call: header("x-call").map(Arc::from) })
}

/// Whether the connection stays open.
async fn write_response(stream: &mut TcpStream, fault: Fault, answer: ScriptedResponse) -> bool {
    let whole = answer.bytes();
    let body_at = whole.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let said: &[u8] = match fault {
        Fault::None => &whole,
        Fault::HalfHead => &whole[..body_at / 2],
        Fault::HalfBody => &whole[..(body_at + whole.len()) / 2],
        Fault::Garbage => b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        Fault::Refuse | Fault::Reset | Fault::HangUp => b"",
        Fault::Stall => {
            // Until the client closes.
            drop(stream.read_u8().await);
            return false;
        }
    };
    stream.write_all(said).await.is_ok() && fault == Fault::None
}
