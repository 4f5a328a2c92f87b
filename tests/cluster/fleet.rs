//! The state and the responses of a Nomad cluster of three servers and two clients, from recorded responses.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::sync::watch;

/// Recorded from a cluster of Nomad 1.0.18 without ACLs.
const RECORDED: &str = include_str!("../recorded/cluster-1.0.18.json");

pub(crate) const SERVERS: [&str; 3] = ["server1", "server2", "server3"];
pub(crate) const CLIENTS: [&str; 2] = ["client1", "client2"];
pub(crate) const NODES: [&str; 2] =
    ["372b5e81-6869-38a1-6ba0-a793bd5ef962", "482b5e81-6869-38a1-6ba0-a793bd5ef962"];
/// Each client has one.
pub(crate) const ALLOCS: [&str; 2] =
    ["13651909-dd6d-35ce-5da0-5004769668b3", "24651909-dd6d-35ce-5da0-5004769668b3"];

/// A request as an agent reads it.
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) uri: String,
    /// The name that the client gave to this call.
    pub(crate) call: Option<Arc<str>>,
}

/// An agent's response.
#[derive(Debug)]
pub(crate) struct ScriptedResponse {
    status: &'static str,
    headers: String,
    body: String,
}

impl ScriptedResponse {
    fn new(status: &'static str, body: impl Into<String>) -> Self {
        Self { status, headers: String::new(), body: body.into() }
    }

    fn json(body: &Value) -> Self {
        Self::new("200 OK", body.to_string()).header("Content-Type", "application/json")
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { status, headers, body } = self;
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// State shared by all agents of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct ModelState {
    /// The address that each client advertises.
    pub(crate) advertised: [SocketAddr; 2],
    pub(crate) leader: Option<usize>,
    pub(crate) index: u64,
}

/// The cluster behind the sockets. Clones share it.
#[derive(Clone)]
pub(crate) struct ClusterModel {
    pub(crate) state: watch::Sender<ModelState>,
    recorded: Arc<Value>,
    /// Which agent carried out which call.
    done: Arc<Mutex<HashMap<Arc<str>, Vec<&'static str>>>>,
}

impl ClusterModel {
    pub(crate) fn new() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let state = ModelState { advertised: [nowhere; 2], leader: Some(0), index: 7 };
        Self {
            state: watch::channel(state).0,
            recorded: Arc::new(serde_json::from_str(RECORDED).unwrap()),
            done: Arc::default(),
        }
    }

    /// The agents that carried out this call, in order.
    pub(crate) fn carried_out_by(&self, call: &str) -> Vec<&'static str> {
        self.done.lock().unwrap().get(call).cloned().unwrap_or_default()
    }

    /// This agent's response. A server or another client relays a call for a client, as by RPC, which does not
    /// depend on HTTP addresses.
    pub(crate) async fn respond(
        &self,
        agent: &'static str,
        asked: &ReceivedRequest,
    ) -> ScriptedResponse {
        let (path, query) = asked.uri.split_once('?').unwrap_or((&asked.uri, ""));
        let meant = target_client(path, query);
        let answer = match meant {
            Some(client) => self.client_response(CLIENTS[client], path, asked),
            None if SERVERS.contains(&agent) => {
                self.server_response(agent, path, query, asked).await
            }
            None => self.client_response(agent, path, asked),
        };
        match &asked.call {
            Some(call) => answer.header("X-Call", call),
            None => answer,
        }
    }

    fn record_call(&self, agent: &'static str, asked: &ReceivedRequest) {
        if let Some(call) = &asked.call {
            self.done.lock().unwrap().entry(Arc::clone(call)).or_default().push(agent);
        }
    }

    fn client_response(
        &self,
        name: &'static str,
        path: &str,
        asked: &ReceivedRequest,
    ) -> ScriptedResponse {
        let changes = asked.method != "GET" || path.ends_with("/gc");
        if changes {
            self.record_call(name, asked);
            return ScriptedResponse::new("200 OK", "").header("X-Done-By", name);
        }
        ScriptedResponse::json(&self.recorded["stats"]).header("X-Done-By", name)
    }

    async fn server_response(
        &self,
        name: &'static str,
        path: &str,
        query: &str,
        asked: &ReceivedRequest,
    ) -> ScriptedResponse {
        match path {
            "/v1/agent/members" => ScriptedResponse::json(&self.recorded["members"]),
            "/v1/agent/health" => {
                ScriptedResponse::json(&json!({ "server": { "ok": true, "message": "ok" } }))
            }
            "/v1/agent/self" => ScriptedResponse::json(&json!({ "member": { "Name": name } }))
                .header("X-Done-By", name),
            "/v1/status/leader" => match self.state.borrow().leader {
                Some(leader) => ScriptedResponse::json(&json!(format!("127.0.0.1:22{leader:02}1"))),
                None => ScriptedResponse::new("500 Internal Server Error", "No cluster leader"),
            },
            "/v1/nodes" => self.nodes(query).await,
            "/v1/jobs" if asked.method == "GET" => {
                ScriptedResponse::json(&json!([])).header("X-Done-By", name)
            }
            "/v1/jobs" => {
                self.record_call(name, asked);
                ScriptedResponse::json(&json!({ "EvalID": "" })).header("X-Done-By", name)
            }
            path => self.object(path),
        }
    }

    /// The list; with the current index, held until it changes.
    async fn nodes(&self, query: &str) -> ScriptedResponse {
        let index = query.split('&').find_map(|pair| pair.strip_prefix("index="));
        let index = index.map_or(0, |index| index.parse().unwrap());
        let mut changes = self.state.subscribe();
        let state = changes.wait_for(|state| state.index > index).await.unwrap().clone();
        let stubs = [0, 1].map(|n| {
            json!({ "ID": NODES[n], "Name": CLIENTS[n], "Status": "ready", "ModifyIndex": state.index })
        });
        ScriptedResponse::json(&json!(stubs)).header("X-Nomad-Index", &state.index.to_string())
    }

    fn object(&self, path: &str) -> ScriptedResponse {
        let place = |known: [&str; 2], id: &str| known.into_iter().position(|known| known == id);
        if let Some(n) = path.strip_prefix("/v1/node/").and_then(|id| place(NODES, id)) {
            let state = self.state.borrow();
            let mut node = self.recorded["node"].clone();
            node["ID"] = NODES[n].into();
            node["Name"] = CLIENTS[n].into();
            node["HTTPAddr"] = state.advertised[n].to_string().into();
            node["ModifyIndex"] = state.index.into();
            return ScriptedResponse::json(&node);
        }
        if let Some(n) = path.strip_prefix("/v1/allocation/").and_then(|id| place(ALLOCS, id)) {
            return ScriptedResponse::json(
                &json!({ "ID": ALLOCS[n], "NodeID": NODES[n], "Namespace": "default" }),
            );
        }
        ScriptedResponse::new("404 Not Found", "not found")
    }
}

/// The target client of a call, for calls that servers relay.
fn target_client(path: &str, query: &str) -> Option<usize> {
    if !path.starts_with("/v1/client/") {
        return None;
    }
    (0..2).find(|n| path.contains(ALLOCS[*n]) || query.contains(NODES[*n]))
}
