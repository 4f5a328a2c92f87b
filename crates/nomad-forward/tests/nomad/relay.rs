//! Agents without a path: a server passes the call on, and nothing is sent twice.

use std::{
    future::{Ready, ready},
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use nomad_acl::{Acl, AclDisabled, LookupOptions, Policy, RegionalAcl, Tokens, TokensError};
use nomad_forward::{DenialDetail, TcpConnect, forwarder};
use nomad_wire::SecretId;
use tokio::net::TcpListener;
use tower_service::Service as _;

use crate::{
    cluster::{ALLOC, Cluster, NODES},
    discovery::{Nomad, directory},
};

/// Status, path, agent and body of an answer.
pub(crate) async fn ask(nomad: &Nomad, method: &str, path: &str) -> (u16, String, String, String) {
    ask_as(nomad, AclDisabled, method, path).await
}

/// The same with ACLs.
pub(crate) async fn ask_as<T>(
    nomad: &Nomad,
    tokens: T,
    method: &str,
    path: &str,
) -> (u16, String, String, String)
where
    T: Tokens + Clone + Send + 'static,
{
    let mut service =
        forwarder::<_, _, _, Full<Bytes>>(TcpConnect, nomad.clone(), tokens, DenialDetail::Silent);
    let request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
    answered(service.call(request).await.unwrap()).await
}

/// The same with a token that the servers look at.
pub(crate) async fn ask_with(
    nomad: &Nomad,
    token: &str,
    method: &str,
    path: &str,
) -> (u16, String, String, String) {
    let mut service = forwarder::<_, _, _, Full<Bytes>>(
        TcpConnect,
        nomad.clone(),
        AclDisabled,
        DenialDetail::Silent,
    );
    let request = Request::builder().method(method).uri(path).header("x-nomad-token", token);
    answered(service.call(request.body(Full::default()).unwrap()).await.unwrap()).await
}

pub(crate) async fn answered<B>(response: Response<B>) -> (u16, String, String, String)
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let header = |name: &str| {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let (way, agent) = (header("x-nomad-gateway-path"), header("x-nomad-gateway-agent"));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, way, agent, String::from_utf8_lossy(&body).into_owned())
}

async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A cluster whose first client cannot be reached.
pub(crate) async fn lost_client() -> (Cluster, Nomad) {
    let cluster = Cluster::start(None).await;
    let gone = nobody().await.to_string();
    cluster.state.send_modify(|state| Arc::make_mut(&mut state.nodes)[0].2 = gone);
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    (cluster, nomad)
}

#[tokio::test]
async fn an_agent_with_a_path_answers_itself() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let (status, way, agent, body) = ask(&nomad, "GET", "/v1/client/stats?node_id=client1").await;
    assert_eq!((status, &*way, &*agent), (200, "direct", "client1"));
    assert!(body.contains(&format!("node_id={}", NODES[0])), "{body}");
    let (_, way, agent, _) = ask(&nomad, "GET", "/v1/agent/monitor?server_id=leader").await;
    assert_eq!((&*way, &*agent), ("direct", "server2.global"));
    let (_, way, _, _) = ask(&nomad, "GET", "/v1/jobs").await;
    assert_eq!(way, "pass");
}

#[tokio::test]
async fn a_profile_is_of_the_agent_that_was_named() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    for written in ["client1", "9bb1", NODES[0]] {
        let path = format!("/v1/agent/pprof/cmdline?node_id={written}");
        let (_, way, agent, body) = ask(&nomad, "GET", &path).await;
        assert_eq!((&*way, &*agent), ("direct", "client1"), "{written}");
        // Without its id the client would ask some server to profile itself.
        assert!(body.contains(&format!("node_id={}", NODES[0])), "{body}");
    }
    let (_, way, agent, _) = ask(&nomad, "GET", "/v1/agent/pprof/cmdline").await;
    assert_eq!((&*way, agent.starts_with("server")), ("pass", true));
}

#[tokio::test]
async fn a_node_without_a_path_is_reached_through_a_server() {
    let (cluster, nomad) = lost_client().await;
    for path in [
        format!("/v1/client/stats?node_id={}", NODES[0]),
        format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout"),
        "/v1/agent/monitor?client_id=client1".to_owned(),
    ] {
        let (status, way, agent, body) = ask(&nomad, "GET", &path).await;
        assert_eq!((status, &*way), (200, "relay"), "{path}");
        assert!(agent.starts_with("server"), "{agent}");
        assert!(body.contains("\"Name\":\"server"), "{body}");
        assert!(body.contains(NODES[0]) || path.contains(ALLOC), "{body}");
    }
    assert!(cluster.asked("client1 GET").is_empty());
}

#[tokio::test]
async fn a_call_that_servers_do_not_pass_on_has_no_path() {
    let (cluster, nomad) = lost_client().await;
    for _ in 0..2 {
        let path = format!("/v1/agent/self?node_id={}", NODES[0]);
        let (status, _, _, body) = ask(&nomad, "GET", &path).await;
        assert_eq!((status, &*body), (404, "No path to node"));
    }
    assert!(cluster.asked("/v1/agent/self").is_empty());
}

#[tokio::test]
async fn any_client_is_one_that_can_be_reached() {
    let (cluster, nomad) = lost_client().await;
    for _ in 0..2 {
        let (status, _, agent, _) = ask(&nomad, "GET", "/v1/agent/servers").await;
        assert_eq!((status, &*agent), (200, "client2"));
    }
    assert_eq!(cluster.asked("client2 GET /v1/agent/servers").len(), 2);
}

#[tokio::test]
async fn a_change_that_names_no_agent_goes_to_the_only_one_and_else_to_none() {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let change = "/v1/agent/servers?address=10.0.0.1:4647";
    for (method, path, said) in [
        (
            "PUT",
            change,
            "this changes one client agent, and there are several: name it with node_id",
        ),
        (
            "PUT",
            "/v1/agent/reload",
            "this changes one server, and there are several: name it with server_id",
        ),
        (
            "PUT",
            "/v1/agent/schedulers/config",
            "this changes one server, and there are several: name it with server_id",
        ),
        ("PUT", "/v1/client/gc", "No local Node and node_id not provided"),
        ("PUT", "/v1/client/identity/renew", "no local Node and node_id not provided"),
    ] {
        let (status, _, _, body) = ask(&nomad, method, path).await;
        assert_eq!((status, &*body), (400, said), "{path}");
    }
    for path in ["agent/servers", "agent/reload", "schedulers", "client/gc", "renew"] {
        assert!(cluster.asked(path).is_empty(), "{path}");
    }
    // What changes all servers, whichever is asked, goes to any.
    ask(&nomad, "PUT", "/v1/agent/join?address=a").await;
    assert_eq!(cluster.asked("/v1/agent/join").len(), 1);

    // One that is down cannot be meant.
    cluster.state.send_modify(|state| state.down.push(NODES[0]));
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let (status, _, agent, _) = ask(&nomad, "PUT", change).await;
    assert_eq!((status, &*agent), (200, "client2"));
    assert_eq!(cluster.asked("client2 PUT /v1/agent/servers").len(), 1);
}

#[tokio::test]
async fn a_name_is_relayed_as_a_full_id_where_the_nodes_address_cannot_be_used() {
    for address in ["", "[fe80::1%lo]:1", "client1.invalid:4646", "client1"] {
        let cluster = Cluster::start(None).await;
        cluster.state.send_modify(|state| {
            Arc::make_mut(&mut state.nodes)[0].2 = address.into();
        });
        let (nomad, mut watch) = directory(&cluster, None);
        watch.initial_refresh().await;
        for written in ["client1", "9bb1", NODES[0]] {
            for path in ["/v1/client/stats", "/v1/agent/monitor"] {
                let path = format!("{path}?node_id={written}");
                let (status, way, _, body) = ask(&nomad, "GET", &path).await;
                assert_eq!((status, &*way), (200, "relay"), "{address} {path}");
                assert!(body.contains(&format!("node_id={}", NODES[0])), "{address} {body}");
            }
        }
        // Nobody else can answer these.
        let (status, _, _, body) = ask(&nomad, "GET", "/v1/agent/self?node_id=client1").await;
        assert_eq!((status, &*body), (404, "No path to node"), "{address}");
    }
}

#[tokio::test]
async fn a_call_that_changes_something_is_sent_once() {
    let (cluster, nomad) = lost_client().await;
    let path = format!("/v1/client/gc?node_id={}", NODES[0]);
    let (status, way, ..) = ask(&nomad, "GET", &path).await;
    assert_eq!((status, &*way), (200, "relay"));
    assert_eq!(cluster.asked("/v1/client/gc").len(), 1);
    // An agent that breaks off may have done it: nobody is asked again.
    let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = breaking.local_addr().unwrap().to_string();
    let breaks = tokio::spawn(async move {
        let (mut stream, _) = breaking.accept().await.unwrap();
        let mut head = [0; 1024];
        assert!(tokio::io::AsyncReadExt::read(&mut stream, &mut head).await.unwrap() > 0);
    });
    cluster.state.send_modify(|state| Arc::make_mut(&mut state.nodes)[1].2 = address);
    let path = format!("/v1/client/gc?node_id={}", NODES[1]);
    let (status, ..) = ask(&nomad, "GET", &path).await;
    breaks.await.unwrap();
    assert_eq!(status, 502);
    assert_eq!(cluster.asked("/v1/client/gc").len(), 1);
}

/// Every caller has these rights in the namespace `ops`.
#[derive(Clone)]
struct Holding(&'static str);

impl Tokens for Holding {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        let rules = format!("namespace \"ops\" {{ capabilities = [{}] }}", self.0);
        let policy: Policy = rules.parse().unwrap();
        ready(Ok(RegionalAcl::valid_everywhere(Acl::compile([("held", &policy)]))))
    }
}

const CALLS: [&str; 5] = [
    "allocation/ID/stats",
    "fs/ls/ID",
    "fs/stat/ID?path=a",
    "fs/stream/ID?path=a",
    "fs/logs/ID?task=a&type=stdout",
];

#[tokio::test]
async fn rights_come_before_the_node_of_an_allocation_and_a_server_says_what_it_knows_of_it() {
    let cluster = Cluster::start(None).await;
    cluster.state.send_modify(|state| drop(Arc::make_mut(&mut state.nodes).remove(0)));
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    let paths = CALLS.map(|call| format!("/v1/client/{}", call.replace("ID", ALLOC)));
    for path in &paths {
        let (status, _, _, body) = ask_as(&nomad, Holding("\"list-jobs\""), "GET", path).await;
        assert_eq!((status, &*body), (403, "Permission denied"), "{path}");
    }
    assert!(cluster.asked("/v1/client/").is_empty(), "who may not ask is not heard");
    for path in &paths {
        let rights = Holding("\"read-job\", \"read-fs\"");
        let (status, way, _, body) = ask_as(&nomad, rights, "GET", path).await;
        let unknown = format!("Unknown node {}", NODES[0]);
        assert_eq!((status, &*way, body), (404, "relay", unknown), "{path}");
    }
}

#[tokio::test]
async fn an_allocation_of_another_region_is_reached_through_that_regions_servers() {
    let (cluster, nomad) = lost_client().await;
    for call in CALLS {
        let path = format!("/v1/client/{}", call.replace("ID", ALLOC));
        let path = format!("{path}{}region=mars", if path.contains('?') { '&' } else { '?' });
        let (status, way, _, body) = ask(&nomad, "GET", &path).await;
        assert_eq!((status, &*way), (200, "relay"), "{path}: {body}");
        assert!(body.contains("region=mars"), "{body}");
    }
    assert_eq!(
        cluster.asked("region=mars").iter().filter(|line| line.contains("/v1/client/")).count(),
        5
    );
}
