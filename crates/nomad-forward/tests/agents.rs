//! Agents are told apart by what the cluster knows them by, not by where they are reached.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{collections::HashMap, io, net::SocketAddr, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, DenialDetail, Endpoint, StaticDirectory, TcpConnect,
    connect::{Connect, UnixConnect},
    forwarder,
};
use nomad_wire::{NodeId, Region};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixListener, UnixStream},
    task::JoinSet,
};
use tower_service::Service as _;

const NODES: [&str; 2] =
    ["9bb118cc-7630-ebf4-b8b8-c11ee8847863", "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c"];

/// Answers every request on a connection with its own name and the `Host` that it was called by.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, name: &'static str) {
    let mut head = [0; 1024];
    while let Ok(length @ 1..) = stream.read(&mut head).await {
        let text = String::from_utf8_lossy(&head[..length]).to_lowercase();
        let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("none");
        let body = format!("{name} at {host}");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Agents at unix sockets in a directory of their own, which goes with them.
struct Sockets {
    dir: PathBuf,
    tasks: JoinSet<()>,
}

impl Drop for Sockets {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

impl Sockets {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("nomad-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, tasks: JoinSet::new() }
    }

    fn serve(&mut self, name: &'static str) -> PathBuf {
        let path = self.dir.join(name);
        let listener = UnixListener::bind(&path).unwrap();
        self.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, name));
            }
        });
        path
    }
}

/// Reaches agents through sockets, as a tunnel does: their addresses are private ones and say nothing here.
#[derive(Clone)]
struct Tunnels(Arc<HashMap<String, PathBuf>>);

impl Connect for Tunnels {
    type Io = TokioIo<UnixStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        UnixStream::connect(&self.0[agent.name()]).await.map(TokioIo::new)
    }
}

fn client(name: &str, id: &str, endpoint: impl Into<Endpoint>) -> Agent {
    Agent::client(name, id.parse::<NodeId>().unwrap(), Region::default(), endpoint).unwrap()
}

/// The agent that the response names, and what it said.
async fn ask<C: Connect>(connect: &C, agents: &[Agent], node: &str) -> (String, String) {
    let table = StaticDirectory::builder(Region::default());
    let table =
        agents.iter().cloned().fold(table, nomad_forward::directory::StaticDirectoryBuilder::agent);
    let service = forwarder(connect.clone(), table.build(), AclDisabled, DenialDetail::Silent);
    asked(&mut { service }, node).await
}

async fn asked<C: Connect>(
    service: &mut nomad_forward::Forwarder<C, StaticDirectory, AclDisabled, Empty<Bytes>>,
    node: &str,
) -> (String, String) {
    let path = format!("/v1/client/stats?node_id={node}");
    let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    let response = service.call(request).await.unwrap();
    let agent = response.headers()["x-nomad-gateway-agent"].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (agent, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn agents_with_equal_addresses_never_answer_for_each_other() {
    let mut sockets = Sockets::new("equal");
    let paths = ["client1", "client2"].map(|name| (name.to_owned(), sockets.serve(name)));
    let private: SocketAddr = ([10, 0, 0, 1], 4646).into();
    let table = StaticDirectory::builder(Region::default())
        .agent(client("client1", NODES[0], private))
        .agent(client("client2", NODES[1], private))
        .build();
    let connect = Tunnels(Arc::new(paths.into()));
    let mut service = forwarder(connect, table, AclDisabled, DenialDetail::Silent);
    for round in 0..8 {
        for (name, node) in ["client1", "client2"].into_iter().zip(NODES) {
            let (agent, said) = asked(&mut service, node).await;
            assert_eq!((&*agent, &*said), (name, &*format!("{name} at 10.0.0.1:4646")), "{round}");
        }
    }
}

#[tokio::test]
async fn an_agent_at_a_unix_socket_is_reached() {
    let mut sockets = Sockets::new("unix");
    let agents = [
        client("client1", NODES[0], Endpoint::unix(sockets.serve("client1"))),
        client("client2", NODES[1], Endpoint::unix(sockets.serve("client2"))),
    ];
    for (name, node) in ["client1", "client2"].into_iter().zip(NODES) {
        let said = ask(&UnixConnect, &agents, node).await;
        assert_eq!(said, (name.to_owned(), format!("{name} at 127.0.0.1")));
    }
}

#[tokio::test]
async fn an_agent_is_reached_by_host_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, "client1"));
        }
    });
    let agents = [client("client1", NODES[0], Endpoint::host("localhost", port))];
    let said = ask(&TcpConnect, &agents, NODES[0]).await;
    assert_eq!(said, ("client1".into(), format!("client1 at localhost:{port}")));
}
