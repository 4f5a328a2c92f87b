//! Servers that Consul's catalog tells of.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use nomad_forward::{
    Agent, Directory as _, NomadApi, NomadDirectory, NomadOptions, Target, TcpConnect,
    directory::{Consul, Via},
};
use nomad_wire::{Region, SecretId};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    cluster::{Cluster, SERVERS},
    discovery::found,
};

/// A catalog with these entries, for whoever has the token.
async fn consul(tasks: &mut JoinSet<()>, entries: Value) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let entries = Arc::new(entries);
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let entries = Arc::clone(&entries);
            let service = service_fn(move |request: Request<Incoming>| {
                let entries = Arc::clone(&entries);
                async move {
                    let is_asked = request.uri() == "/v1/catalog/service/nomad-server?tag=http"
                        && request.headers()["x-consul-token"] == "c";
                    let text = if is_asked { entries.to_string() } else { "[]".to_owned() };
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
                }
            });
            open.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn servers_are_found_by_their_registration_and_nobody_else_is_believed() {
    let cluster = Cluster::start(None).await;
    let mut tasks = JoinSet::new();
    let at = |address: SocketAddr| json!({ "Node": "n", "Address": "127.0.0.1", "ServiceAddress": "", "ServicePort": address.port() });
    // A client, a dead address, and the server in question.
    let entries = json!([
        at(cluster.clients[0]),
        { "Address": "10.0.0.9", "ServiceAddress": "127.0.0.1", "ServicePort": 1 },
        at(cluster.servers[1]),
    ]);
    let mut catalog = Consul::new(consul(&mut tasks, entries).await);
    catalog.token = Some(SecretId::new("c"));
    catalog.service = "nomad-server".into();
    let mut options = NomadOptions::default();
    options.consul = Some(catalog);
    let seed = Agent::seed(Region::default(), cluster.servers[0]);
    let api = NomadApi::new(TcpConnect, vec![Arc::new(seed)]);
    let (nomad, mut watch) = NomadDirectory::new(api, options);
    watch.initial_refresh().await;
    let place = found(&nomad, Target::Server(SERVERS[1].into())).await.unwrap();
    assert_eq!(
        (place.agent.endpoint().socket_addr().unwrap(), place.via),
        (cluster.servers[1], Via::Direct)
    );
    assert_eq!(nomad.servers().len(), 2);
    assert!(
        nomad
            .agent_health()
            .iter()
            .all(|belief| !belief.name.contains("client1") || !belief.is_server)
    );
}
