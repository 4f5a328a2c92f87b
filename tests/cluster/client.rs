//! A plain HTTP/1.1 client: one connection per request, no reuse, no redirects.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

/// No response takes longer; a hanging one fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A response, or the part of it that arrived; without a head its status is 0.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether the body is complete.
    pub(crate) is_whole: bool,
}

impl TestResponse {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request, and reads until the response ends or breaks.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> TestResponse {
    timeout(TIMEOUT, exchange(address, request)).await.unwrap()
}

/// The same with `GET`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> TestResponse {
    send(address, Request::get(path).body(Full::default()).unwrap()).await
}

async fn exchange(address: SocketAddr, mut request: Request<Full<Bytes>>) -> TestResponse {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    // It ends with this request, also when the request is given up.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    request.headers_mut().insert("host", address.to_string().parse().unwrap());
    // A response that breaks off in its first bytes may break before its head was sent.
    let Ok(response) = sender.send_request(request).await else {
        return TestResponse {
            status: 0,
            headers: HeaderMap::new(),
            body: Vec::new(),
            is_whole: false,
        };
    };
    let (head, mut rest) = response.into_parts();
    let (mut body, mut is_whole) = (Vec::new(), true);
    while let (true, Some(piece)) = (is_whole, rest.frame().await) {
        match piece {
            Ok(frame) => body.extend_from_slice(&frame.into_data().unwrap()),
            Err(_) => is_whole = false,
        }
    }
    TestResponse { status: head.status.as_u16(), headers: head.headers, body, is_whole }
}
