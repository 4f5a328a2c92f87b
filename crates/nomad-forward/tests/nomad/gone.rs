//! Addresses that change hands: nobody answers for somebody else.

use std::sync::Arc;

use nomad_forward::{
    Agent, Directory as _, NomadApi, NomadDirectory, NomadOptions, TcpConnect,
    directory::HealthState,
};
use nomad_wire::Region;

use crate::{
    cluster::{Cluster, NODES, TOKEN},
    discovery::{Nomad, directory},
    relay::{ask, ask_with},
};

/// The id that the first client had before it lost its data.
const OLD: &str = "00001111-7630-ebf4-b8b8-c11ee8847863";

/// What an agent answers about itself, whoever is meant.
const SELF: [(&str, &str); 4] = [
    ("GET", "/v1/agent/self"),
    ("GET", "/v1/agent/health"),
    ("GET", "/v1/agent/members"),
    ("PUT", "/v1/agent/servers"),
];

/// A client that came back with a new id at its old address.
async fn registered_anew(token: Option<&'static str>) -> Cluster {
    let cluster = Cluster::start(token).await;
    cluster.state.send_modify(|state| {
        let nodes = Arc::make_mut(&mut state.nodes);
        let address = nodes[0].2.clone();
        nodes.push((OLD.into(), "client1".into(), address, 3));
        nodes[0].3 = 9;
        state.created.push((NODES[0], 8));
    });
    cluster
}

async fn watched(cluster: &Cluster) -> Nomad {
    let (nomad, mut watch) = directory(cluster, None);
    watch.initial_refresh().await;
    nomad
}

#[tokio::test]
async fn a_node_that_is_gone_is_not_answered_for_by_its_successor() {
    for is_down in [false, true] {
        let cluster = registered_anew(None).await;
        if is_down {
            cluster.state.send_modify(|state| state.down.push(OLD));
        }
        let nomad = watched(&cluster).await;
        for (method, path) in SELF {
            let (status, _, _, body) = ask(&nomad, method, &format!("{path}?node_id={OLD}")).await;
            assert_eq!((status, &*body), (404, "No path to node"), "{path}");
        }
        assert!(cluster.asked("client1 ").is_empty(), "the new node is not asked");
        // Servers pass this on, and say what they know of the old node.
        let stats = format!("/v1/client/stats?node_id={OLD}");
        let (_, way, _, body) = ask(&nomad, "GET", &stats).await;
        assert_eq!(way, "relay");
        assert!(body.contains(OLD), "{body}");
        for (method, path) in SELF.into_iter().filter(|(_, path)| *path != "/v1/agent/members") {
            let path = format!("{path}?node_id={}", NODES[0]);
            let (status, way, agent, _) = ask(&nomad, method, &path).await;
            assert_eq!((status, &*way, &*agent), (200, "direct", "client1"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_successor_is_told_apart_with_a_clients_token_as_well() {
    let cluster = registered_anew(Some(TOKEN)).await;
    let nomad = watched(&cluster).await;
    for (id, expected) in [(OLD, (404, "")), (NODES[0], (200, "client1"))] {
        let path = format!("/v1/agent/self?node_id={id}");
        let (status, _, agent, _) = ask_with(&nomad, TOKEN, "GET", &path).await;
        assert_eq!((status, &*agent), expected, "{id}");
    }
}

#[tokio::test]
async fn a_name_means_the_node_that_is_ready() {
    let cluster = registered_anew(None).await;
    cluster.state.send_modify(|state| state.down.push(OLD));
    let nomad = watched(&cluster).await;
    let (status, _, agent, _) = ask(&nomad, "GET", "/v1/agent/self?node_id=client1").await;
    assert_eq!((status, &*agent), (200, "client1"));
}

#[tokio::test]
async fn agents_that_exchange_addresses_are_not_mistaken_for_each_other() {
    let cluster = Cluster::start(None).await;
    let (first, second) = (cluster.clients[0].to_string(), cluster.clients[1].to_string());
    // The first one has moved to the address of the second, of which nobody has heard yet.
    cluster.state.send_modify(|state| {
        let nodes = Arc::make_mut(&mut state.nodes);
        (nodes[0].2, nodes[0].3) = (second, 11);
    });
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let who = format!("/v1/agent/self?node_id={}", NODES[1]);
    let (status, _, _, body) = ask(&nomad, "GET", &who).await;
    assert_eq!((status, &*body), (404, "No path to node"));
    // Then it tells where it is.
    cluster.state.send_modify(|state| {
        let nodes = Arc::make_mut(&mut state.nodes);
        (nodes[1].2, nodes[1].3, state.index) = (first, 12, 12);
    });
    watch.initial_refresh().await;
    for id in NODES {
        let (status, way, ..) = ask(&nomad, "GET", &format!("/v1/agent/self?node_id={id}")).await;
        assert_eq!((status, &*way), (200, "direct"), "{id}");
    }
}

#[tokio::test]
async fn a_node_whose_address_is_taken_while_it_is_known_loses_its_path() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let path = format!("/v1/agent/self?node_id={}", NODES[0]);
    assert_eq!(ask(&nomad, "GET", &path).await.0, 200);
    cluster.state.send_modify(|state| {
        let nodes = Arc::make_mut(&mut state.nodes);
        let address = nodes[0].2.clone();
        nodes.push((OLD.into(), "new".into(), address, 9));
        (state.created, state.index) = (vec![(OLD, 9)], 9);
    });
    watch.initial_refresh().await;
    assert_eq!(ask(&nomad, "GET", &path).await.0, 404);
    // The newcomer goes away again.
    cluster.state.send_modify(|state| {
        Arc::make_mut(&mut state.nodes).pop();
        state.index = 10;
    });
    watch.initial_refresh().await;
    assert_eq!(ask(&nomad, "GET", &path).await.0, 200);
}

#[tokio::test]
async fn a_node_at_the_gateways_own_address_is_not_asked_there() {
    let cluster = Cluster::start(None).await;
    let mut options = NomadOptions::default();
    options.own_addresses = vec![cluster.clients[0]];
    let seed = Agent::seed(Region::default(), cluster.servers[0]);
    let api = NomadApi::new(TcpConnect, vec![Arc::new(seed)]);
    let (nomad, mut watch) = NomadDirectory::new(api, options);
    watch.initial_refresh().await;
    let (status, .., body) = ask(&nomad, "GET", "/v1/agent/self?node_id=client1").await;
    assert_eq!((status, &*body), (404, "No path to node"));
    let (_, way, ..) = ask(&nomad, "GET", "/v1/client/stats?node_id=client1").await;
    assert_eq!(way, "relay");
    assert!(cluster.asked("client1 ").is_empty());
    let fleet = nomad.agent_health();
    let belief = fleet.iter().find(|belief| &*belief.name == "client1").unwrap();
    let told = (belief.state, &*belief.reason);
    assert_eq!(told, (HealthState::Relayed, "it advertises the gateway's own address"));
}
