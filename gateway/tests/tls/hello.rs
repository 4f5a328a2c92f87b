//! An agent that says hello, and a gateway in front of it.

use std::{net::SocketAddr, time::Duration};

use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener, tls::Acceptor};
use nomad_wire::Region;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

pub(crate) const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// One request and its answer, over a stream that stays open.
pub(crate) async fn send(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"agent says hello") && !answer.ends_with(b"No path to node") {
        if timeout(LIMIT, stream.read_buf(&mut answer)).await.unwrap()? == 0 {
            break;
        }
    }
    Ok(String::from_utf8(answer).unwrap())
}

/// An agent that says hello to whoever gets through, over TLS if it has settings.
pub(crate) async fn start_agent(tls: Option<Acceptor>) -> SocketAddr {
    let listener = match tls {
        // The listener of the gateway serves agents as well: it knows only a service.
        Some(acceptor) => Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor),
        None => Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap(),
    };
    let address = listener.address();
    tokio::spawn(async move {
        let stopper = ShutdownController::new(Duration::ZERO);
        listener.serve(Hello, stopper.subscribe()).await;
    });
    address
}

/// Says hello.
#[derive(Clone)]
pub(crate) struct Hello;

impl<B> tower_service::Service<http::Request<B>> for Hello {
    type Response = http::Response<http_body_util::Full<bytes::Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<B>) -> Self::Future {
        std::future::ready(Ok(http::Response::new("agent says hello".into())))
    }
}

pub(crate) fn directory(agent: SocketAddr) -> StaticDirectory {
    let region = Region::default();
    let client = Agent::client("client1", NODE.parse().unwrap(), region.clone(), agent).unwrap();
    StaticDirectory::builder(region).agent(client).build()
}

pub(crate) fn stats_path() -> String {
    format!("/v1/client/stats?node_id={NODE}")
}

/// A gateway that speaks TLS with callers, in front of an agent without.
pub(crate) async fn start_gateway(acceptor: Acceptor) -> (SocketAddr, ShutdownController) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor);
    let address = listener.address();
    let stopper = ShutdownController::new(Duration::ZERO);
    let gateway = Gateway::new(directory(start_agent(None).await), AclDisabled);
    tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    (address, stopper)
}
