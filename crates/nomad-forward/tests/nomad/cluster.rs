//! A cluster that follows a script: servers and nodes on sockets, answering from one state.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub(crate) const NODES: [&str; 2] =
    ["9bb118cc-7630-ebf4-b8b8-c11ee8847863", "9bb2aaaa-7630-ebf4-b8b8-c11ee8847863"];
pub(crate) const SERVERS: [&str; 2] =
    ["078367fb-eec8-87bf-8d99-0c0a5e3f7c7c", "0901b9e7-0f99-38b8-af24-a5b640b80689"];
pub(crate) const MARS: &str = "1111b9e7-0f99-38b8-af24-a5b640b80689";
/// A node of the other region.
pub(crate) const MARTIAN: &str = "33331111-7630-ebf4-b8b8-c11ee8847863";
pub(crate) const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
/// An allocation that only the own region knows.
pub(crate) const HOME: &str = "2c651909-dd6d-35ce-5da0-5004769668b3";
pub(crate) const TOKEN: &str = "3721d099-7634-c305-7866-0a5e5e029ead";

/// What the servers know.
#[derive(Clone)]
pub(crate) struct State {
    /// Id, name, HTTP address, index.
    pub(crate) nodes: Arc<Vec<(String, String, String, u64)>>,
    pub(crate) index: u64,
    /// Nodes that are `down`.
    pub(crate) down: Vec<&'static str>,
    /// The index at which a node was registered, where it is not 1.
    pub(crate) created: Vec<(&'static str, u64)>,
    /// Every call needs this token, if there is one.
    pub(crate) token: Option<&'static str>,
    /// Questions for the other region are never answered.
    pub(crate) is_mars_silent: bool,
}

impl State {
    fn status(&self, id: &str) -> &'static str {
        if self.down.contains(&id) { "down" } else { "ready" }
    }

    fn created(&self, id: &str) -> u64 {
        self.created.iter().find(|(known, _)| *known == id).map_or(1, |(_, index)| *index)
    }
}

pub(crate) struct Cluster {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) clients: Vec<SocketAddr>,
    pub(crate) state: watch::Sender<State>,
    /// Every request, as `server1 GET /v1/nodes?stale`.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Answering {
    name: String,
    is_server: bool,
    state: watch::Receiver<State>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    pub(crate) async fn start(token: Option<&'static str>) -> Self {
        let (state, _) = watch::channel(State {
            nodes: Arc::default(),
            index: 7,
            down: Vec::new(),
            created: Vec::new(),
            token,
            is_mars_silent: false,
        });
        let mut cluster = Self {
            servers: Vec::new(),
            clients: Vec::new(),
            state,
            asked: Arc::default(),
            tasks: JoinSet::new(),
        };
        for name in ["server1", "server2"] {
            let address = cluster.serve(name, true).await;
            cluster.servers.push(address);
        }
        for (name, id) in ["client1", "client2"].into_iter().zip(NODES) {
            let address = cluster.serve(name, false).await;
            cluster.clients.push(address);
            cluster.state.send_modify(|state| {
                Arc::make_mut(&mut state.nodes).push((
                    id.into(),
                    name.into(),
                    address.to_string(),
                    5,
                ));
            });
        }
        cluster
    }

    /// Another agent that says its name.
    pub(crate) async fn serve(&mut self, name: &str, is_server: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = Answering {
            name: name.into(),
            is_server,
            state: self.state.subscribe(),
            asked: Arc::clone(&self.asked),
        };
        self.tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answering = answering.clone();
                let service = service_fn(move |request| answering.clone().answer(request));
                open.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        address
    }

    pub(crate) fn asked(&self, wanted: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| line.contains(wanted)).cloned().collect()
    }
}

type Answer = Response<Full<Bytes>>;

fn json_answer(value: &Value) -> Answer {
    let mut response = Response::new(Full::from(value.to_string()));
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

fn fault(status: u16, text: &str) -> Answer {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

impl Answering {
    async fn answer(self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (method, uri) = (request.method(), request.uri().clone());
        self.asked.lock().unwrap().push(format!("{} {method} {uri}", self.name));
        let token = request.headers().get("x-nomad-token").map(|value| value.to_str().unwrap());
        if !self.is_server && uri.path() == "/v1/agent/members" {
            return Ok(fault(403, "Permission denied"));
        }
        let token = token.map(str::to_owned);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok(if self.is_server {
            self.server(&uri, &body, token.as_deref()).await
        } else {
            self.plain(&uri, &body)
        })
    }

    /// What an agent says that was reached: its name, and the query and the body that it got.
    fn plain(&self, uri: &http::Uri, body: &[u8]) -> Answer {
        let body = String::from_utf8_lossy(body);
        json_answer(&json!({ "Name": self.name, "Query": uri.query(), "Body": body }))
    }

    async fn server(mut self, uri: &http::Uri, body: &[u8], token: Option<&str>) -> Answer {
        let state = self.state.borrow().clone();
        let may = state.token.is_none() || state.token == token;
        let path = uri.path();
        if state.is_mars_silent && uri.query().unwrap_or_default().contains("region=mars") {
            std::future::pending::<()>().await;
        }
        if path == "/v1/status/leader" {
            return json_answer(&json!("10.0.0.2:4647"));
        }
        if path == "/v1/agent/health" {
            return json_answer(&json!({ "server": { "ok": true, "message": "ok" } }));
        }
        if path.starts_with("/v1/allocation/") && !may {
            return fault(500, "Unknown allocation");
        }
        // A server knows on which node an allocation was, also when that node is gone.
        let is_node_gone = !state.nodes.iter().any(|(id, ..)| id == NODES[0]);
        if path.contains(ALLOC) && path.starts_with("/v1/client/") && is_node_gone {
            return fault(404, &format!("Unknown node {}", NODES[0]));
        }
        if path.starts_with("/v1/client/") || path == "/v1/agent/monitor" || path == "/v1/jobs" {
            return self.plain(uri, body);
        }
        if !may {
            return fault(403, "Permission denied");
        }
        match path {
            "/v1/agent/members" => json_answer(&self.members()),
            "/v1/nodes" => self.nodes(uri.query().unwrap_or_default()).await,
            path => known(&state, path, uri.query().unwrap_or_default()),
        }
    }

    fn members(&self) -> Value {
        let member = |n: usize| {
            json!({
                "Name": format!("server{}.global", n + 1),
                "Addr": format!("10.0.0.{}", n + 1),
                "Status": "alive",
                "Tags": { "role": "nomad", "region": "global", "id": SERVERS[n], "port": "4647" },
            })
        };
        // Nobody listens at its HTTP port.
        let mars = json!({
            "Name": "server9.mars", "Addr": "127.0.0.9", "Status": "alive",
            "Tags": { "role": "nomad", "region": "mars", "id": MARS, "port": "4647" },
        });
        json!({
            "Members": [member(0), member(1), mars],
            "ServerName": self.name,
            "ServerRegion": "global",
            "ServerDC": "dc1",
        })
    }

    /// The list; held until it changes when the index is known.
    async fn nodes(&mut self, query: &str) -> Answer {
        let index = query.split('&').find_map(|pair| pair.strip_prefix("index="));
        let index = index.map_or(0, |index| index.parse().unwrap());
        let state = self.state.wait_for(|state| state.index > index).await.unwrap().clone();
        let stub = |(id, name, address, modified): &(String, String, String, u64)| {
            let host = address.rsplit_once(':').map_or("", |(host, _)| host);
            json!({
                "ID": id, "Name": name, "Address": host, "Status": state.status(id),
                "CreateIndex": state.created(id), "ModifyIndex": modified,
            })
        };
        let fits = |name: &str, address: &str| {
            let (_, filter) = query.split_once("filter=").unwrap_or_default();
            let by_host = filter
                .split_once("Address%20%3D%3D%20%22")
                .map(|(_, host)| host.split("%22").next().unwrap().to_owned());
            match by_host {
                Some(host) => address.rsplit_once(':').is_some_and(|(at, _)| at == host),
                None => filter.is_empty() || filter.contains(&format!("%22{name}%22")),
            }
        };
        let nodes =
            state.nodes.iter().filter(|(_, name, address, _)| fits(name, address)).map(stub);
        let mut answer = json_answer(&Value::Array(nodes.collect()));
        answer.headers_mut().insert("x-nomad-index", state.index.into());
        answer
    }
}

fn known(state: &State, path: &str, query: &str) -> Answer {
    if let Some(id) = path.strip_prefix("/v1/node/") {
        // Each region knows its own nodes only.
        let is_foreign = query.contains("region=mars");
        let is_there = |known: &str| known == id && (known == MARTIAN) == is_foreign;
        let node = state.nodes.iter().find(|(known, ..)| is_there(known));
        return node.map_or_else(
            || fault(404, "node not found"),
            |(id, name, address, modified)| {
                json_answer(&json!({
                    "ID": id, "Name": name, "HTTPAddr": address, "ModifyIndex": modified,
                    "CreateIndex": state.created(id), "Status": state.status(id), "TLSEnabled": false,
                }))
            },
        );
    }
    match path.strip_prefix("/v1/allocation/") {
        Some(HOME) if !query.contains("region=") => {
            json_answer(&json!({ "NodeID": NODES[1], "Namespace": "ops" }))
        }
        Some(ALLOC) => json_answer(&json!({ "NodeID": NODES[0], "Namespace": "ops" })),
        Some(_) => fault(404, "alloc not found"),
        None => fault(404, "no such call"),
    }
}
