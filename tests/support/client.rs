//! A plain HTTP/1.1 client: one connection per request, no cache, no redirects.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

/// No response of a test takes longer; a hanging one fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A whole response.
#[derive(Debug, Clone)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl TestResponse {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A response that is read as it arrives. Dropping it closes the connection.
pub(crate) struct Stream {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    driver: JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Stream {
    /// Opens a stream and waits for its head.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::send(address, Request::get(path).body(Full::default()).unwrap()).await
    }

    /// The same with any request.
    pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Self {
        timeout(TIMEOUT, start_request(address, request)).await.unwrap()
    }

    /// The next chunk, or nothing at the end. A broken transfer is an error.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        let frame = timeout(TIMEOUT, self.body.frame()).await.unwrap()?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    /// Reads until the text is there.
    pub(crate) async fn read_until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut seen = String::new();
        while !wanted(&seen) {
            let Some(piece) = self.next().await else { panic!("ended after {seen:?}") };
            seen.push_str(&String::from_utf8_lossy(&piece.unwrap()));
        }
        seen
    }
}

async fn start_request(address: SocketAddr, mut request: Request<Full<Bytes>>) -> Stream {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(async move { drop(connection.await) });
    request.headers_mut().insert(HOST, address.to_string().parse().unwrap());
    let response = sender.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    Stream { status: head.status, headers: head.headers, body, driver }
}

/// Sends a request and reads the whole response.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> TestResponse {
    let asked = async {
        let mut stream = start_request(address, request).await;
        let mut body = Vec::new();
        while let Some(piece) = stream.next().await {
            body.extend_from_slice(&piece.unwrap());
        }
        TestResponse { status: stream.status, headers: stream.headers.clone(), body: body.into() }
    };
    timeout(TIMEOUT, asked).await.unwrap()
}

/// `GET`, whole response.
pub(crate) async fn get(address: SocketAddr, path: &str) -> TestResponse {
    let request = Request::builder().method(Method::GET).uri(path).body(Full::default()).unwrap();
    send(address, request).await
}
