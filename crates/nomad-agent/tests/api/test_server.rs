//! An agent behind a real socket.

use std::net::SocketAddr;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nomad_acl::Tokens;
use nomad_agent::{Agent, standalone};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tower_service::Service as _;

/// A socket on which an agent is served until this is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves the agent on a free port.
pub(crate) async fn serve<T>(agent: &Agent, tokens: T) -> TestServer
where
    T: Tokens + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = standalone(agent.clone(), tokens);
    let accepting = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            let service = service_fn(move |request| service.clone().call(request));
            connections.spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                // A client that disconnects is an error to hyper and none to us.
                drop(http.serve_connection(TokioIo::new(socket), service).with_upgrades().await);
            });
        }
    });
    TestServer { address, accepting }
}
