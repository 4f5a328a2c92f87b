//! One call to a fleet that breaks, and what its caller is told.

use std::{
    future::Ready,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, AgentHealth, DenialDetail, Directory, DirectoryError, Forwarder, Location,
    LookupContext, StaticDirectory, Target, directory::Reachability, forwarder,
};
use nomad_wire::Region;
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use crate::agent::{AgentKind, Agents, Break};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
const SERVERS: [&str; 3] = [
    "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c",
    "0901b9e7-0f99-38b8-af24-a5b640b80689",
    "1b0c9d3e-2f4a-4c5d-8e6f-70819203a4b5",
];

/// Who can answer in the stead of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Nobody.
    Nowhere,
    /// A server that passes the call on.
    Relayed,
    AnyServer,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    path: String,
    pub(crate) fallback: Fallback,
}

impl Call {
    pub(crate) const fn new(method: &'static str, path: String, elsewhere: Fallback) -> Self {
        Self { method, path, fallback: elsewhere }
    }

    /// What is told when the first refuses, or everybody does.
    pub(crate) const fn unreached(&self, who: AgentKind) -> (u16, bool) {
        match (self.fallback, who) {
            (Fallback::Relayed | Fallback::AnyServer, AgentKind::First) => (200, true),
            (Fallback::Relayed, AgentKind::Everybody) => (404, true),
            (Fallback::Nowhere, _) | (Fallback::AnyServer, AgentKind::Everybody) => (500, true),
        }
    }
}

/// The connection that the call goes over at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    New,
    /// One that was kept. When it is closed, this is in the moment in which the request is written.
    Kept,
    /// The same, and when it is closed this is before the request is written.
    KeptAndClosed,
}

impl ConnectionState {
    pub(crate) const ALL: [Self; 3] = [Self::New, Self::Kept, Self::KeptAndClosed];
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct CallResult {
    pub(crate) status: u16,
    /// The body of the response came to its end.
    pub(crate) is_whole: bool,
    /// How many times an agent saw the request.
    pub(crate) times_read: usize,
}

/// A table in which each server passes on what an agent cannot be asked itself.
#[derive(Clone)]
struct RelayDirectory {
    table: StaticDirectory,
    servers: Vec<Arc<Agent>>,
}

impl RelayDirectory {
    fn new() -> Self {
        let (region, at) =
            (Region::default(), |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let server = |(name, id): (&str, &str), port| {
            Agent::server(name, id.parse().unwrap(), region.clone(), at(port)).unwrap()
        };
        let servers: Vec<_> =
            ["server1", "server2", "server3"].into_iter().zip(SERVERS).zip(4647..).collect();
        let client = Agent::client("client1", NODE.parse().unwrap(), region.clone(), at(4646));
        let table = StaticDirectory::builder(region.clone()).agent(client.unwrap());
        let add = |table: nomad_forward::directory::StaticDirectoryBuilder, (named, port)| {
            table.agent(server(named, port))
        };
        let table = servers.iter().copied().fold(table, add).build();
        table.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), "default".into());
        let servers = servers.into_iter().map(|(named, port)| Arc::new(server(named, port)));
        Self { table, servers: servers.collect() }
    }
}

impl Directory for RelayDirectory {
    type Future = Ready<Result<Location, DirectoryError>>;

    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        who: LookupContext<'_>,
    ) -> Self::Future {
        self.table.locate(target, region, who)
    }

    fn relays(&self, _: &Agent) -> Vec<Arc<Agent>> {
        self.servers.clone()
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachability) {
        self.table.observe(agent, reachable);
    }

    fn agent_health(&self) -> Vec<AgentHealth> {
        self.table.agent_health()
    }
}

type Service = Forwarder<Agents, RelayDirectory, AclDisabled, Full<Bytes>>;

/// Makes a call with so many bytes when the fleet begins to break.
pub(crate) fn send(
    call: &Call,
    how: Break,
    who: AgentKind,
    over: ConnectionState,
    size: usize,
) -> CallResult {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(async {
        let fleet = Agents::new(how, who);
        let mut service =
            forwarder(fleet.clone(), RelayDirectory::new(), AclDisabled, DenialDetail::Silent);
        if over != ConnectionState::New {
            // After a HEAD no connection is kept.
            let method = if call.method == "HEAD" { "GET" } else { call.method };
            let (status, is_whole) = ask(&mut service, method, &call.path, 0).await;
            assert_eq!((status, is_whole), (200, true), "{call:?}");
        }
        fleet.breaks();
        if over == ConnectionState::KeptAndClosed {
            sleep(Duration::from_millis(1)).await;
        }
        let (status, is_whole) = ask(&mut service, call.method, &call.path, size).await;
        // Whatever is under way still arrives.
        sleep(Duration::from_secs(60)).await;
        CallResult { status, is_whole, times_read: fleet.times_read() }
    })
}

async fn ask(service: &mut Service, method: &str, path: &str, size: usize) -> (u16, bool) {
    let body = Full::new(Bytes::from(vec![b'x'; size]));
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    // Less than any time that the gateway gives an agent.
    let answer = timeout(Duration::from_secs(1), service.call(request)).await;
    let response = answer.expect("what breaks is told at once").unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.is_ok())
}
