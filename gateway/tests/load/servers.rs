//! Servers that know the fleet, and answer blocking queries.

use std::{collections::HashMap, convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::fleet::ClientAgent;

const IDS: [&str; 3] = [
    "275a60a8-dfbe-2821-5cfa-c037e52a302c",
    "ccf3bd58-3b33-e438-41c6-bb196de31deb",
    "7225a8c2-7b4d-e13e-4c6e-0066811b25d7",
];

/// For so long a blocking query finds nothing new.
const BLOCKING_TIME: Duration = Duration::from_millis(1_500);

pub(crate) struct Servers {
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Servers {
    pub(crate) async fn start(tasks: &mut JoinSet<()>, clients: &[ClientAgent]) -> Self {
        let mut known = HashMap::new();
        let mut stubs = Vec::new();
        for client in clients {
            let place = client.info();
            stubs.push(json!({ "ID": *place.node, "Name": *place.name, "Status": "ready", "ModifyIndex": 7 }));
            let node = json!({ "ID": *place.node, "Name": *place.name, "ModifyIndex": 7,
                "HTTPAddr": client.address.to_string(), "TLSEnabled": false });
            known.insert(format!("/v1/node/{}", place.node), node);
            let alloc =
                json!({ "ID": *place.alloc, "NodeID": *place.node, "Namespace": "default" });
            known.insert(format!("/v1/allocation/{}", place.alloc), alloc);
        }
        known.insert("/v1/nodes".into(), Value::Array(stubs));
        known.insert("/v1/status/leader".into(), json!("127.0.0.1:22001"));
        known.insert(
            "/v1/agent/health".into(),
            json!({ "server": { "ok": true, "message": "ok" } }),
        );
        let member = |n: usize| {
            json!({ "Name": format!("server{}.global", n + 1), "Addr": "127.0.0.1", "Status": "alive",
                "Tags": { "role": "nomad", "region": "global", "id": IDS[n], "port": format!("220{n}1") } })
        };
        let members = json!({ "Members": [member(0), member(1), member(2)],
            "ServerName": "server1", "ServerRegion": "global", "ServerDC": "dc1" });
        known.insert("/v1/agent/members".into(), members);
        let known = Arc::new(known);
        let mut addresses = Vec::new();
        for _ in IDS {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            tasks.spawn(serve(listener, Arc::clone(&known)));
        }
        Self { addresses }
    }
}

async fn serve(listener: TcpListener, known: Arc<HashMap<String, Value>>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let known = Arc::clone(&known);
                let service = service_fn(move |request| respond(Arc::clone(&known), request));
                open.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn respond(
    known: Arc<HashMap<String, Value>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let index = query.split('&').find_map(|pair| pair.strip_prefix("index="));
    let index: Option<u64> = index.map(|index| index.parse().unwrap());
    let mut response = match known.get(path) {
        // The fleet does not change.
        Some(_) if path == "/v1/nodes" && index.is_some_and(|index| index >= 7) => {
            return std::future::pending().await;
        }
        Some(body) => Response::new(Full::from(body.to_string())),
        None if path == "/v1/jobs" => {
            if index.is_some() {
                sleep(BLOCKING_TIME).await;
            }
            let asked = json!({ "Index": index.unwrap_or(0), "Query": query });
            Response::new(Full::from(asked.to_string()))
        }
        None if path.starts_with("/v1/acl/") => {
            error_response(StatusCode::BAD_REQUEST, "ACL support disabled")
        }
        // A node that has gone has no connection to its servers either.
        None => error_response(StatusCode::NOT_FOUND, "No path to node"),
    };
    let seen = index.unwrap_or(6) + 1;
    response.headers_mut().insert("x-nomad-index", seen.into());
    Ok(response)
}

fn error_response(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
