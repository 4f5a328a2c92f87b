//! Calls that may name their node in the body, and not in the query alone.

use std::{convert::Infallible, task::Poll};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use nomad_acl::{AclDisabled, Tokens};
use nomad_forward::{DenialDetail, TcpConnect, forwarder};
use serde_json::Value;
use tower_service::Service as _;

use crate::{
    cluster::{Cluster, NODES},
    discovery::{Nomad, directory},
    relay::{answered, lost_client},
    secrecy::NOBODY,
};

const METADATA: (&str, &str) = ("POST", "/v1/client/metadata");
const RENEW: (&str, &str) = ("PUT", "/v1/client/identity/renew");
const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn watched() -> (Cluster, Nomad) {
    let cluster = Cluster::start(None).await;
    let (nomad, mut watch) = directory(&cluster, None);
    watch.initial_refresh().await;
    (cluster, nomad)
}

/// Status, path, agent and text of an answer.
type Told = (u16, String, String, String);

async fn send<T, B>(nomad: &Nomad, tokens: T, (method, path): (&str, &str), body: B) -> Told
where
    T: Tokens + Clone + Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let mut service = forwarder(TcpConnect, nomad.clone(), tokens, DenialDetail::Silent);
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    answered(service.call(request).await.unwrap()).await
}

async fn tell(nomad: &Nomad, call: (&str, &str), body: &str) -> Told {
    send(nomad, AclDisabled, call, Full::from(body.to_owned())).await
}

/// The query and the body that reached an agent.
fn got((.., text): &Told) -> (String, String) {
    let said: Value = serde_json::from_str(text).unwrap();
    let of = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
    (of("Query"), of("Body"))
}

#[tokio::test]
async fn the_node_that_a_body_names_gets_the_very_bytes_itself() {
    let (cluster, nomad) = watched().await;
    let post = ("POST", RENEW.1);
    for (call, body) in [
        (METADATA, r#"{"NodeID":"ID","Meta":{"a":"1"}}"#),
        (METADATA, r#" { "Meta" : {"a":null}, "nodeID":"x", "NODEID" : "ID" } and so on"#),
        (RENEW, r#"{"NodeID":"ID"}"#),
        (post, "{\"NodeID\":\"ID\"}\n"),
    ] {
        let body = body.replace("\"ID\"", &format!("\"{}\"", NODES[1]));
        let told = tell(&nomad, call, &body).await;
        assert_eq!((told.0, &*told.1, &*told.2), (200, "direct", "client2"), "{body}");
        assert_eq!(got(&told), (format!("node_id={}", NODES[1]), body));
    }
    assert!(cluster.asked(" /v1/client/").iter().all(|line| line.starts_with("client2 ")));
}

#[tokio::test]
async fn of_two_nodes_the_one_counts_that_counts_in_nomad() {
    let (_cluster, nomad) = watched().await;
    let body = format!(r#"{{"NodeID":"{}","Meta":{{}}}}"#, NODES[1]);
    for ((method, path), agent, id) in
        [(METADATA, "client1", NODES[0]), (RENEW, "client2", NODES[1])]
    {
        for written in ["client1", NODES[0]] {
            let path = format!("{path}?node_id={written}");
            let told = tell(&nomad, (method, &path), &body).await;
            assert_eq!((&*told.1, &*told.2), ("direct", agent), "{path}");
            // The query never contradicts what was decided.
            assert_eq!(got(&told), (format!("node_id={id}"), body.clone()), "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_names_no_node_changes_no_arbitrary_agent() {
    let (cluster, nomad) = watched().await;
    let metadata = r#"{"Meta":{"a":"1"}}"#;
    for (call, body, said) in [
        (METADATA, metadata, "No local Node and node_id not provided"),
        (METADATA, r#"{"NodeID":"","Meta":{}}"#, "No local Node and node_id not provided"),
        (RENEW, "{}", "no local Node and node_id not provided"),
        (RENEW, "", "no local Node and node_id not provided"),
    ] {
        let (status, .., text) = tell(&nomad, call, body).await;
        assert_eq!((status, &*text), (400, said), "{body}");
    }
    let unknown = format!(r#"{{"NodeID":"{UNKNOWN}"}}"#);
    for call in [METADATA, RENEW] {
        let (status, .., text) = tell(&nomad, call, &unknown).await;
        assert_eq!((status, text), (500, format!("Unknown node {UNKNOWN}")));
    }
    assert!(cluster.asked(" /v1/client/").is_empty());
}

#[tokio::test]
async fn a_body_that_names_nobody_for_certain_is_left_to_a_server() {
    let (_cluster, nomad) = watched().await;
    // A name would have to be written out, and the beginning of an id tells who is there.
    for body in [r#"{"NodeID":"client1"}"#, r#"{"NodeID":"9bb1"}"#, r#"{"NodeID":1}"#, "{", "[]"] {
        for call in [METADATA, RENEW] {
            let told = tell(&nomad, call, body).await;
            assert_eq!((told.0, &*told.1), (200, "pass"), "{body}");
            assert!(told.2.starts_with("server"), "{body}: {}", told.2);
            assert_eq!(got(&told), (String::new(), body.to_owned()));
        }
    }
    let told = tell(&nomad, METADATA, "").await;
    assert!(told.2.starts_with("server"), "Nomad complains that the body is empty: {}", told.2);
}

#[tokio::test]
async fn a_body_that_is_too_large_to_be_read_ahead_is_left_to_a_server() {
    let (_cluster, nomad) = watched().await;
    let begin = format!(r#"{{"NodeID":"{}","Meta":{{"a":""#, NODES[1]);
    let pieces = [begin, "x".repeat(70 << 10), r#""}}"#.to_owned()];
    let whole = pieces.concat();
    let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from(piece))));
    let body = StreamBody::new(stream::iter(frames));
    let told = send(&nomad, AclDisabled, METADATA, body).await;
    assert_eq!((told.0, &*told.1), (200, "pass"));
    assert!(got(&told).1 == whole, "the body was changed on the way");
}

#[tokio::test]
async fn a_server_relays_the_very_bytes_where_the_node_cannot_be_reached() {
    let (cluster, nomad) = lost_client().await;
    let body = format!(r#"{{"NodeID":"{}","Meta":{{"a":"1"}}}}"#, NODES[0]);
    for call in [METADATA, RENEW] {
        let told = tell(&nomad, call, &body).await;
        assert_eq!((told.0, &*told.1), (200, "relay"));
        assert!(told.2.starts_with("server"), "{}", told.2);
        assert_eq!(got(&told).1, body);
        assert_eq!(cluster.asked(call.1).len(), 1, "a change is sent once");
    }
}

#[tokio::test]
async fn the_body_of_an_unauthorized_client_is_not_read() {
    let (cluster, nomad) = watched().await;
    cluster.asked.lock().unwrap().clear();
    for call in [METADATA, RENEW] {
        let unread = stream::poll_fn(|_| -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("the body is read")
        });
        let body = StreamBody::new(unread);
        let (status, .., text) = send(&nomad, NOBODY, call, body).await;
        assert_eq!((status, &*text), (403, "Permission denied"));
    }
    assert!(cluster.asked("/v1/").is_empty());
}
