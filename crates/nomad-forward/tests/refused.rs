//! An agent refuses a body that it does not read, and closes: its response wins over the write that fails after it.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, DenialDetail, StaticDirectory, TcpConnect, forwarder};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};
use tower_service::Service as _;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

/// Refuses every upload before it has read it, and closes with bytes unread: whoever writes on gets a reset.
async fn refuse(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        drop(stream.read(&mut [0; 1024]).await);
        let refused = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 8\r\n\r\ntoo long";
        drop(stream.write_all(refused).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_wins_over_the_write_that_fails_after_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(refuse(listener));
    let client = Agent::client("client1", NODE.parse().unwrap(), Region::default(), address);
    let table = StaticDirectory::builder(Region::default()).agent(client.unwrap()).build();
    let mut service = forwarder(TcpConnect, table, AclDisabled, DenialDetail::Silent);
    for n in 0..50 {
        let pieces = stream::iter(0..64).map(|_| Bytes::from_static(&[b'x'; 32 << 10]));
        let body = StreamBody::new(pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece))));
        let path = format!("/v1/client/metadata?node_id={NODE}");
        let response = service.call(Request::post(path).body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((status, &text[..]), (413, &b"too long"[..]), "try {n}");
    }
}
