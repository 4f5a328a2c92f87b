//! The cluster's sockets, the gateway in front of it, and calls through the gateway.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, NomadApi, NomadDirectory, NomadOptions, TcpConnect, Transport};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::task::JoinSet;

use crate::{
    agent::ScriptedAgent,
    client::{TestResponse, get, send},
    fleet::{CLIENTS, ClusterModel, SERVERS},
};

/// The cluster and its gateway; both end with it.
pub(crate) struct Cluster {
    pub(crate) fleet: ClusterModel,
    pub(crate) servers: Vec<ScriptedAgent>,
    pub(crate) clients: Vec<ScriptedAgent>,
    pub(crate) gateway: SocketAddr,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let (fleet, mut tasks) = (ClusterModel::new(), JoinSet::new());
        let (mut servers, mut clients) = (Vec::new(), Vec::new());
        for name in SERVERS {
            servers.push(ScriptedAgent::start(&mut tasks, name, &fleet).await);
        }
        for name in CLIENTS {
            clients.push(ScriptedAgent::start(&mut tasks, name, &fleet).await);
        }
        let advertised = [clients[0].address, clients[1].address];
        fleet.state.send_modify(|state| state.advertised = advertised);

        let seeds = servers.iter().map(|it| Arc::new(Agent::seed(Region::default(), it.address)));
        let mut options = NomadOptions::default();
        let named = servers.iter().map(|it| (it.name.into(), it.address, Transport::Plain));
        options.servers = named.collect();
        let api = NomadApi::new(TcpConnect, seeds.collect());
        let (directory, mut watch) = NomadDirectory::new(api, options);
        watch.initial_refresh().await;
        tasks.spawn(watch.run());

        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let gateway = listener.address();
        let stopper = ShutdownController::new(Duration::ZERO);
        tasks.spawn(Gateway::new(directory, AclDisabled).serve(listener, stopper.subscribe()));
        Self { fleet, servers, clients, gateway, _stopper: stopper, _tasks: tasks }
    }

    /// The cluster learns new addresses of its nodes.
    pub(crate) fn move_nodes(&self, advertised: [SocketAddr; 2]) {
        self.fleet.state.send_modify(|state| {
            state.advertised = advertised;
            state.index += 1;
        });
    }

    /// Repeats a request until the response is as wanted: there is no other sign of a change.
    pub(crate) async fn wait_until(&self, path: &str, wanted: impl Fn(&TestResponse) -> bool) {
        loop {
            let answer = get(self.gateway, path).await;
            if wanted(&answer) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The outcome of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) path: String,
    pub(crate) done_by: String,
    /// Whether the whole body arrived.
    pub(crate) is_whole: bool,
}

/// One call with a unique name. Its response must be the one to this call.
pub(crate) async fn call(gateway: SocketAddr, name: &str, method: &str, path: &str) -> Outcome {
    let body = if method == "GET" { Bytes::new() } else { Bytes::from_static(b"{}") };
    let request = Request::builder().method(method).uri(path).header("x-call", name);
    let answer = send(gateway, request.body(Full::new(body)).unwrap()).await;
    let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    let answered = header("x-call");
    assert!(answered.is_empty() || answered == name, "{name} got the response to {answered}");
    Outcome {
        status: answer.status,
        path: header("x-nomad-gateway-path"),
        done_by: header("x-done-by"),
        is_whole: answer.is_whole,
    }
}
