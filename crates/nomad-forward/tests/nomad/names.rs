//! Names that lead elsewhere after a while.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use nomad_forward::{
    Agent, Directory as _, NomadApi, NomadDirectory, NomadOptions, Target, TcpConnect, Transport,
    directory::{AddressesFuture, Host, Reachability, Resolver, Watcher},
};
use nomad_wire::Region;

use crate::{
    cluster::{Cluster, NODES},
    discovery::{Nomad, found, node},
};

/// A name service that can be told something else.
#[derive(Debug, Clone, Default)]
struct Table(Arc<Mutex<HashMap<String, SocketAddr>>>);

impl Table {
    fn set(&self, name: &str, address: SocketAddr) {
        self.0.lock().unwrap().insert(name.to_owned(), address);
    }
}

impl Resolver for Table {
    fn resolve(&self, host: &Host) -> AddressesFuture {
        let found = self.0.lock().unwrap().get(host.name()).copied();
        let nobody = || io::Error::from(io::ErrorKind::NotFound);
        Box::pin(async move { found.map(|address| vec![address]).ok_or_else(nobody) })
    }
}

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A directory whose servers are written as names.
fn directory(
    seed: (SocketAddr, &str),
    second: (SocketAddr, &str),
    names: &Table,
) -> (Nomad, Watcher<TcpConnect>) {
    let mut options = NomadOptions::default();
    options.servers = vec![("server2".into(), second.0, Transport::Plain)];
    options.hosts =
        [seed, second].map(|(address, name)| (address, Host::new(name, address.port()))).into();
    options.resolver = Arc::new(names.clone());
    let seed = Agent::seed(Region::default(), seed.0);
    NomadDirectory::new(NomadApi::new(TcpConnect, vec![Arc::new(seed)]), options)
}

async fn address(nomad: &Nomad, target: Target) -> SocketAddr {
    found(nomad, target).await.unwrap().agent.endpoint().socket_addr().unwrap()
}

#[tokio::test]
async fn servers_are_found_where_their_names_lead_now() {
    let cluster = Cluster::start(None).await;
    let (names, gone) = (Table::default(), [nowhere(), nowhere()]);
    names.set("server1.example", cluster.servers[0]);
    let (nomad, mut watch) =
        directory((gone[0], "server1.example"), (gone[1], "server2.example"), &names);
    // Nobody is at the first address; the next look asks the name service.
    watch.initial_refresh().await;
    assert_eq!(nomad.servers().len(), 0);
    watch.initial_refresh().await;
    assert_eq!(address(&nomad, Target::Server("server1".into())).await, cluster.servers[0]);

    // The other one is believed to be where the configuration says, until somebody finds it gone.
    let second = Target::Server("server2".into());
    let place = found(&nomad, second.clone()).await.unwrap();
    names.set("server2.example", cluster.servers[1]);
    nomad.observe(&place.agent, Reachability::Unreachable);
    watch.initial_refresh().await;
    assert_eq!(address(&nomad, second).await, cluster.servers[1]);
}

#[tokio::test]
async fn a_node_that_advertises_a_name_is_asked_for_again_when_it_is_gone() {
    let cluster = Cluster::start(None).await;
    let (names, gone) = (Table::default(), nowhere());
    let servers = [cluster.servers[0], cluster.servers[1]];
    names.set("client1.example", gone);
    cluster.state.send_modify(|state| {
        Arc::make_mut(&mut state.nodes)[0].2 = "client1.example:4646".into();
    });
    let (nomad, mut watch) = directory((servers[0], "a"), (servers[1], "b"), &names);
    watch.initial_refresh().await;
    let place = found(&nomad, node(NODES[0])).await.unwrap();
    assert_eq!(place.agent.endpoint().socket_addr().unwrap(), gone);
    names.set("client1.example", cluster.clients[0]);
    assert_eq!(address(&nomad, node(NODES[0])).await, gone, "it is known");
    nomad.observe(&place.agent, Reachability::Unreachable);
    assert_eq!(address(&nomad, node(NODES[0])).await, cluster.clients[0]);
}
