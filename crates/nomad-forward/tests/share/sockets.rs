//! The whole chain in front of a server on a real socket that counts what it is asked.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, CoalescedRequests, DenialDetail, Forwarder, StackLimits, StaticDirectory, TcpConnect,
    forwarder_with_limits,
};
use nomad_wire::Region;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tower_service::Service as _;

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

/// A server that answers blocking queries once something has changed.
struct Upstream {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    changed: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (changed, _) = watch::channel(false);
        let (asked, seen) = (Arc::new(AtomicUsize::new(0)), changed.clone());
        let mut tasks = JoinSet::new();
        let counted = Arc::clone(&asked);
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, seen) = (Arc::clone(&counted), seen.clone());
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&asked), seen.subscribe())
                });
                open.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked, changed, _tasks: tasks }
    }
}

async fn answer(
    request: Request<Incoming>,
    asked: Arc<AtomicUsize>,
    mut changed: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    asked.fetch_add(1, Ordering::Relaxed);
    if request.uri().query().is_some_and(|query| query.contains("index=7")) {
        let _end = changed.wait_for(|changed| *changed).await;
    }
    let who = request.headers().get("x-nomad-token").and_then(|token| token.to_str().ok());
    let mut response = Response::new(Full::from(format!("seen by {}", who.unwrap_or("nobody"))));
    response.headers_mut().insert("x-nomad-index", "8".parse().unwrap());
    Ok(response)
}

type Gateway = Forwarder<TcpConnect, StaticDirectory, AclDisabled, Empty<Bytes>>;

fn gateway(upstream: &Upstream, shares: CoalescedRequests) -> Gateway {
    let region = Region::default();
    let server =
        Agent::server("server1", SERVER.parse().unwrap(), region.clone(), upstream.address);
    let directory = StaticDirectory::builder(region).agent(server.unwrap()).build();
    let bounds = StackLimits { coalesced_requests: shares, ..StackLimits::default() };
    forwarder_with_limits(TcpConnect, directory, AclDisabled, DenialDetail::Silent, bounds)
}

/// Status, index, agent and text.
async fn ask(gateway: &Gateway, path: &str, token: &str) -> (u16, String, String, String) {
    let request = Request::get(path).header("x-nomad-token", token);
    let request = request.body(Empty::new()).unwrap();
    let Ok(response) = gateway.clone().call(request).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (status, index) = (response.status().as_u16(), header("x-nomad-index"));
    let agent = header("x-nomad-gateway-agent");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, index, agent, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn clients_with_one_token_cost_the_server_one_request() {
    let upstream = Upstream::start().await;
    let shares = CoalescedRequests::default();
    let gateway = gateway(&upstream, shares.clone());
    let path = "/v1/jobs?index=7&wait=60s";
    let tokens = ["a", "a", "a", "b", "a", "b"];
    let all = join_all(tokens.map(|token| ask(&gateway, path, token)));
    let change = async {
        while shares.coalesced_total() < 4 || upstream.asked.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        upstream.changed.send_replace(true);
    };
    let (answers, ()) =
        timeout(Duration::from_secs(30), async { tokio::join!(all, change) }).await.unwrap();
    for (token, answer) in tokens.iter().zip(answers) {
        let text = format!("seen by {token}");
        assert_eq!(answer, (200, "8".into(), "server1.global".into(), text));
    }
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 2, "one for each token");
}

#[tokio::test]
async fn plain_reads_and_disabled_coalescing_change_nothing() {
    let upstream = Upstream::start().await;
    upstream.changed.send_replace(true);
    let on = gateway(&upstream, CoalescedRequests::default());
    join_all((0..4).map(|_| ask(&on, "/v1/jobs", "a"))).await;
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 4);
    let off = gateway(&upstream, CoalescedRequests::disabled());
    join_all((0..4).map(|_| ask(&off, "/v1/jobs?index=7", "a"))).await;
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn the_last_client_that_leaves_closes_the_connection() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream, CoalescedRequests::default());
    let path = "/v1/jobs?index=7";
    let both = join_all((0..2).map(|_| ask(&gateway, path, "a")));
    let asked = async {
        while upstream.asked.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = both => panic!("nothing has changed"),
        () = asked => {}
    }
    // The server's wait ends with its connection; the watchers are those of requests that still wait.
    let gone = async {
        while upstream.changed.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), gone).await.unwrap();
}
