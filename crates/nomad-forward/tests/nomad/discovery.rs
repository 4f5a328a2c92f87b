//! Servers, nodes and allocations are found, kept fresh, and not asked for twice.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use nomad_acl::Subject;
use nomad_forward::{
    Agent, Directory as _, DirectoryError, Location, LookupContext, NomadApi, NomadDirectory,
    NomadOptions, Target, TcpConnect, Transport,
    directory::{NameMatch, RelayTarget, Via, Watcher},
};
use nomad_wire::{Region, SecretId};
use tokio::time::timeout;

use crate::cluster::{ALLOC, Cluster, HOME, MARTIAN, NODES, SERVERS, TOKEN};

pub(crate) type Nomad = NomadDirectory<TcpConnect>;

/// A directory that begins with the first server, and knows the other one from its configuration.
pub(crate) fn directory(cluster: &Cluster, token: Option<&str>) -> (Nomad, Watcher<TcpConnect>) {
    let seed = Agent::seed(Region::default(), cluster.servers[0]);
    let mut options = NomadOptions::default();
    options.token = token.map(SecretId::new);
    options.servers = vec![("server2".into(), cluster.servers[1], Transport::Plain)];
    NomadDirectory::new(NomadApi::new(TcpConnect, vec![Arc::new(seed)]), options)
}

pub(crate) async fn found(nomad: &Nomad, target: Target) -> Result<Location, DirectoryError> {
    nomad.locate(&target, None, LookupContext::default().with_name_match(NameMatch::Prefix)).await
}

pub(crate) fn node(written: &str) -> Target {
    Target::Node(written.into())
}

fn server(written: &str) -> Target {
    Target::Server(written.into())
}

async fn address(nomad: &Nomad, target: Target) -> SocketAddr {
    let place = found(nomad, target).await.unwrap();
    assert_eq!(place.via, Via::Direct);
    place.agent.endpoint().socket_addr().unwrap()
}

#[tokio::test]
async fn everything_is_found_by_every_name_it_has() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    for name in ["server1", "server1.global", SERVERS[0]] {
        assert_eq!(address(&nomad, server(name)).await, cluster.servers[0], "{name}");
    }
    // The leader is server2, by its RPC address; its HTTP address is from the configuration.
    assert_eq!(address(&nomad, Target::Leader).await, cluster.servers[1]);
    for name in [NODES[1], "9bb2", "client2", &NODES[1].to_uppercase()] {
        assert_eq!(address(&nomad, node(name)).await, cluster.clients[1], "{name}");
    }
    let alloc = found(&nomad, Target::Allocation(ALLOC.into())).await.unwrap();
    assert_eq!(alloc.agent.endpoint().socket_addr().unwrap(), cluster.clients[0]);
    assert_eq!(alloc.subject, Subject::Namespace("ops".into()));
    assert!(address(&nomad, Target::AnyClient).await.port() > 0);
    assert_eq!(nomad.nodes(), 2);
    assert_eq!(nomad.servers().len(), 2);
}

#[tokio::test]
async fn a_server_is_spoken_to_as_its_address_says() {
    let cluster = Cluster::start(None).await;
    let seed = Agent::seed(Region::default(), cluster.servers[0]);
    let mut options = NomadOptions::default();
    options.servers = vec![("server2".into(), cluster.servers[1], Transport::Tls)];
    let api = NomadApi::new(TcpConnect, vec![Arc::new(seed)]);
    let (nomad, mut watch) = NomadDirectory::new(api, options);
    watch.initial_refresh().await;
    for (name, transport) in [("server1", Transport::Plain), ("server2", Transport::Tls)] {
        assert_eq!(
            found(&nomad, server(name)).await.unwrap().agent.transport(),
            transport,
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_nobody_knows_is_told_as_nomad_tells_it() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let gone = "aaaaaaaa-7630-ebf4-b8b8-c11ee8847863";
    for (target, text) in [
        (node(gone), format!("Unknown node {gone:?}")),
        (node("nobody"), "node lookup failed: index error: UUID must be 36 characters".into()),
        (node("9bb"), "\"9bb\" names 2 nodes; give more of the id".into()),
        (server("server9"), "unknown Nomad server server9".into()),
        (Target::Allocation(gone.into()), format!("Unknown allocation {gone:?}")),
        (
            Target::Allocation("x".into()),
            "alloc lookup failed: index error: UUID must be 36 characters".into(),
        ),
    ] {
        assert_eq!(found(&nomad, target).await.unwrap_err().to_string(), text);
    }
    let elsewhere =
        nomad.locate(&node(NODES[0]), Some(&"venus".into()), LookupContext::default()).await;
    assert_eq!(elsewhere.unwrap_err(), DirectoryError::UnknownRegion);
    // An unknown id is not asked for twice in a moment.
    assert!(found(&nomad, node(gone)).await.is_err());
    assert_eq!(cluster.asked(&format!("/v1/node/{gone}")).len(), 1);
}

#[tokio::test]
async fn what_one_region_does_not_know_another_may() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let mars: Region = "mars".into();
    for target in [node(NODES[1]), Target::Allocation(HOME.into())] {
        for _ in 0..2 {
            let elsewhere = nomad.locate(&target, Some(&mars), LookupContext::default()).await;
            assert!(elsewhere.is_err(), "{target:?}");
        }
        assert_eq!(address(&nomad, target).await, cluster.clients[1]);
    }
    // Nor is it asked for there again in the same moment.
    assert_eq!(cluster.asked("region=mars").len(), 2);
}

#[tokio::test]
async fn a_region_that_is_slow_to_answer_holds_up_no_other() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let mars: Region = "mars".into();
    cluster.state.send_modify(|state| state.is_mars_silent = true);
    for target in [node(NODES[1]), Target::Allocation(HOME.into())] {
        let mut elsewhere = nomad.locate(&target, Some(&mars), LookupContext::default());
        assert!((&mut elsewhere).now_or_never().is_none());
        let here = timeout(Duration::from_secs(5), found(&nomad, target)).await;
        assert_eq!(
            here.unwrap().unwrap().agent.endpoint().socket_addr().unwrap(),
            cluster.clients[1]
        );
    }
}

#[tokio::test]
async fn a_node_is_asked_for_once_however_many_want_it() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let wanted = (0..20).map(|_| found(&nomad, Target::Allocation(ALLOC.into())));
    for place in futures_util::future::join_all(wanted).await {
        assert_eq!(place.unwrap().agent.endpoint().socket_addr().unwrap(), cluster.clients[0]);
    }
    assert_eq!(cluster.asked("/v1/node/").len(), 1);
    assert_eq!(cluster.asked("/v1/allocation/").len(), 1);
}

#[tokio::test]
async fn a_node_that_moves_is_found_at_its_new_address() {
    let mut cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    assert_eq!(address(&nomad, node(NODES[0])).await, cluster.clients[0]);
    let running = tokio::spawn(watch.run());
    let moved = cluster.serve("client1", false).await;
    cluster.state.send_modify(|state| {
        state.index = 9;
        let node = &mut Arc::make_mut(&mut state.nodes)[0];
        (node.2, node.3) = (moved.to_string(), 9);
    });
    let arrived = async {
        while address(&nomad, node(NODES[0])).await != moved {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), arrived).await.unwrap();
    running.abort();
}

#[tokio::test]
async fn what_may_not_be_read_is_left_to_the_agents() {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let unknown = found(&nomad, Target::Allocation(ALLOC.into())).await.unwrap();
    assert_eq!(unknown.subject, Subject::Unknown);
    assert_eq!(unknown.via, Via::Relay(RelayTarget::Unknown));
    assert_eq!(unknown.agent.endpoint().socket_addr().unwrap(), cluster.servers[0]);
    for target in [node(NODES[0]), node("client1"), server("server2"), Target::Leader] {
        let place = found(&nomad, target).await.unwrap();
        assert_eq!(place.via, Via::Relay(RelayTarget::Unknown));
        assert_eq!(place.subject, Subject::Agent);
    }
    // The caller may read it, and then everybody's way is known.
    let mut headers = http::HeaderMap::new();
    headers.insert("x-nomad-token", TOKEN.parse().unwrap());
    let target = Target::Allocation(ALLOC.into());
    let place = nomad.locate(&target, None, LookupContext::new(&headers)).await.unwrap();
    assert_eq!(place.subject, Subject::Namespace("ops".into()));
    assert_eq!(
        (place.via, place.agent.endpoint().socket_addr().unwrap()),
        (Via::Direct, cluster.clients[0])
    );
    let place = nomad.locate(&node("client2"), None, LookupContext::new(&headers)).await.unwrap();
    assert_eq!(place.agent.endpoint().socket_addr().unwrap(), cluster.clients[1]);
}

#[tokio::test]
async fn the_gateways_own_token_is_used_for_its_own_requests() {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let (nomad, mut watch) = directory(&cluster, Some(TOKEN));
    watch.initial_refresh().await;
    assert_eq!(nomad.nodes(), 2);
    assert_eq!(address(&nomad, node("client1")).await, cluster.clients[0]);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_yet_is_no_fault_of_the_client() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let seed = Arc::new(Agent::seed(Region::default(), nobody));
    let api = NomadApi::new(TcpConnect, vec![seed]);
    let (nomad, mut watch) = NomadDirectory::new(api, NomadOptions::default());
    watch.initial_refresh().await;
    let place = found(&nomad, Target::AnyServer).await.unwrap();
    assert_eq!(place.agent.endpoint().socket_addr().unwrap(), nobody);
    let place = found(&nomad, node(NODES[0])).await.unwrap();
    assert_eq!(place.via, Via::Relay(RelayTarget::Unknown));
}

#[tokio::test]
async fn a_node_of_another_region_is_found_when_that_region_is_named() {
    let mut cluster = Cluster::start(None).await;
    let there = cluster.serve("martian", false).await.to_string();
    cluster.state.send_modify(|state| {
        let nodes = Arc::make_mut(&mut state.nodes);
        nodes.push((MARTIAN.into(), "martian".into(), there.clone(), 5));
    });
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let mars: Region = "mars".into();
    let place = nomad.locate(&node(MARTIAN), Some(&mars), LookupContext::default()).await.unwrap();
    assert_eq!(place.agent.endpoint().socket_addr().unwrap().to_string(), there);
    // Known or not, it is no node of the own region, and the own nodes are none of that one.
    assert!(found(&nomad, node(MARTIAN)).await.is_err());
    assert!(nomad.locate(&node(NODES[0]), Some(&mars), LookupContext::default()).await.is_err());
    // A server of the other region has no verified address: one of ours passes the call on.
    let place = nomad
        .locate(
            &server("server9"),
            Some(&mars),
            LookupContext::default().with_name_match(NameMatch::Prefix),
        )
        .await
        .unwrap();
    assert_eq!(place.via, Via::Relay(RelayTarget::Server("server9.mars".into())));
    assert!(found(&nomad, server("server9")).await.is_err());
}

#[tokio::test]
async fn a_call_for_a_server_never_goes_to_a_client_agent() {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let seed = Arc::new(Agent::seed(Region::default(), cluster.clients[0]));
    let api = NomadApi::new(TcpConnect, vec![seed]);
    let (nomad, mut watch) = NomadDirectory::new(api, NomadOptions::default());
    watch.initial_refresh().await;
    for target in [server("server1"), Target::Leader] {
        let refused = found(&nomad, target).await.unwrap_err();
        assert!(matches!(refused, DirectoryError::NoPathToServer(_)), "{refused}");
    }
    // A call for a node may: a client agent asks a server, which asks the node.
    let place = found(&nomad, node(NODES[1])).await.unwrap();
    assert_eq!(
        (place.via, place.agent.endpoint().socket_addr().unwrap()),
        (Via::Relay(RelayTarget::Unknown), cluster.clients[0])
    );
}
