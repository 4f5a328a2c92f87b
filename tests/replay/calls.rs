//! Repeats a recorded call.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nomad_wire::Query;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{ours::OurResponse, recorded::RecordedCall, tasks::JOBS, world::ReplayCluster};

/// Endless streams are read for this long: it includes a heartbeat.
const STREAM_TIMEOUT: Duration = Duration::from_millis(1200);

/// A stream without data sends not even a head; this is how long to wait to be sure.
const NO_HEAD_TIMEOUT: Duration = Duration::from_millis(500);

/// A response that ends does so within this time, on any machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends the call to the agent of the recording, or to the gateway when that agent would have had to relay it.
pub(super) async fn send(world: &ReplayCluster, call: &RecordedCall) -> OurResponse {
    let address = if call.is_relayed { world.gateway } else { world.address(&call.via) };
    let request = request(world, call, address);
    exchange(address, request, call).await.decompressed()
}

/// Sends an agent a request without effect.
pub(super) async fn send_health_check(address: SocketAddr) {
    let request = Request::get("/v1/agent/health?type=poke").header("host", "agent");
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(async move { drop(connection.await) });
    let answer = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await;
    drop(answer.unwrap().into_body().collect().await);
    driver.abort();
}

/// Whether a call is for another agent than the one that got it.
pub(super) fn needs_relay(world: &ReplayCluster, call: &RecordedCall) -> bool {
    let query = Query::new(call.path.split_once('?').map_or("", |(_, query)| query));
    let (node, server) = (query.non_empty("node_id"), query.non_empty("server_id"));
    let own = world.agents[&call.via].0.node_id();
    if call.path.starts_with("/v1/client/fs/") || call.path.starts_with("/v1/client/allocation/") {
        let owner = JOBS.iter().find(|job| call.path.contains(world.names.id(job.symbol)));
        return owner.map_or("", |job| job.client) != call.via;
    }
    match (node, server) {
        (Some(node), None) => own.is_none_or(|own| own.as_str() != node),
        (None, Some(_)) => true,
        (Some(_), Some(_)) | (None, None) => false,
    }
}

fn request(
    world: &ReplayCluster,
    call: &RecordedCall,
    address: SocketAddr,
) -> Request<Full<Bytes>> {
    let method = Method::from_bytes(call.method.as_bytes()).unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(&call.path)
        .body(Full::new(Bytes::from(call.request_body.clone())))
        .unwrap_or_else(|error| panic!("{}: {error}", call.path));
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert("host", address.to_string().parse().unwrap());
    if call.token != "none" {
        headers.insert("x-nomad-token", world.names.tokens[&call.token].parse().unwrap());
    }
    for (name, value) in &call.request_headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// Waits for the head, and then for the body, each up to its timeout.
async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    call: &RecordedCall,
) -> OurResponse {
    let mut ours =
        OurResponse { status: 0, headers: HeaderMap::new(), body: Vec::new(), is_cut: true };
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(async move { drop(connection.await) });
    let patience = if call.status == 0 { NO_HEAD_TIMEOUT } else { TIMEOUT };
    if let Ok(response) = timeout(patience, sender.send_request(request)).await {
        let (head, mut body) = response.unwrap().into_parts();
        ours.status = head.status.as_u16();
        ours.headers = head.headers;
        // A response that should have been a refusal may be an endless stream.
        let is_stream = call.is_cut || call.status != ours.status;
        let until = Instant::now() + if is_stream { STREAM_TIMEOUT } else { TIMEOUT };
        loop {
            match timeout_at(until, body.frame()).await {
                Ok(Some(frame)) => ours.body.extend_from_slice(frame.unwrap().data_ref().unwrap()),
                Ok(None) => break ours.is_cut = false,
                Err(_) => break,
            }
        }
    }
    driver.abort();
    ours
}
