//! Callers: some ask, some wait, some follow.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

use crate::{fleet::AgentInfo, tally::LoadStats};

/// No answer takes longer; what hangs is wrong.
const LIMIT: Duration = Duration::from_secs(20);

/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(250);

/// What a caller does all the time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Workload {
    /// Asks for small JSON answers.
    ShortRequests,
    /// Waits for something to change.
    BlockingQueries,
    /// Follows a log.
    LogFollowing,
}

impl Workload {
    /// Half of them ask, a quarter waits, a quarter follows.
    pub(crate) const fn from_number(number: usize) -> Self {
        match number % 4 {
            0 | 1 => Self::ShortRequests,
            2 => Self::BlockingQueries,
            _ => Self::LogFollowing,
        }
    }
}

pub(crate) struct LoadClient {
    pub(crate) gateway: SocketAddr,
    pub(crate) agents: Arc<Vec<AgentInfo>>,
    pub(crate) number: usize,
    pub(crate) workload: Workload,
    pub(crate) stats: Arc<LoadStats>,
    pub(crate) shutdown: watch::Receiver<bool>,
}

impl LoadClient {
    /// One call after the other, until it is told to stop.
    pub(crate) async fn run(self) {
        let mut line = None;
        let mut round = self.number;
        while !*self.shutdown.borrow() {
            round += 1;
            let place = &self.agents[round / 2 % self.agents.len()];
            match self.workload {
                Workload::ShortRequests => self.send_short_request(&mut line, place, round).await,
                Workload::BlockingQueries => self.send_blocking_query(&mut line, round).await,
                Workload::LogFollowing => self.follow_log(place).await,
            }
            let mut stopped = self.shutdown.clone();
            drop(timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await);
        }
    }

    async fn send_short_request(
        &self,
        line: &mut Option<Connection>,
        place: &AgentInfo,
        round: usize,
    ) {
        let (node, alloc) = (&place.node, &place.alloc);
        let kind = round % 4;
        let path = match kind {
            0 => format!("/v1/agent/self?node_id={node}"),
            1 => format!("/v1/client/stats?node_id={node}"),
            2 => format!("/v1/client/fs/ls/{alloc}?path=/"),
            _ => "/v1/status/leader".to_owned(),
        };
        let answer = fetch(line, self.gateway, &path).await;
        let is_excused = place.may_die && kind != 3;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                *line = None;
                return self.stats.record_wrong(format!("{path}: {error}"));
            }
        };
        if answer.status == 200 {
            self.stats.record_call();
            let named = |body: &Value| body["stats"]["client"]["node_id"] == *place.node;
            if kind == 0 && !named(&answer.json()) {
                self.stats.record_wrong(format!("{path}: another agent's answer"));
            }
            if kind != 3 && answer.agent != *place.name {
                self.stats.record_wrong(format!("{path}: {} answered", answer.agent));
            }
        } else if is_excused {
            self.stats.record_failure();
        } else {
            self.stats.record_wrong(format!("{path}: {} {}", answer.status, answer.text()));
        }
    }

    async fn send_blocking_query(&self, line: &mut Option<Connection>, round: usize) {
        // Many wait for the same, some for something of their own.
        let index = if self.number.is_multiple_of(3) { round + 1_000 } else { 9 };
        let path = format!("/v1/jobs?index={index}&wait=5s");
        match fetch(line, self.gateway, &path).await {
            Ok(answer) if answer.status == 200 && answer.json()["Index"] == index => {
                self.stats.record_blocking_query();
            }
            Ok(answer) => {
                self.stats.record_wrong(format!("{path}: {} {}", answer.status, answer.text()))
            }
            Err(error) => {
                *line = None;
                self.stats.record_wrong(format!("{path}: {error}"));
            }
        }
    }

    /// Reads a log until it breaks or it is time to stop; no line may be missing or come twice.
    async fn follow_log(&self, place: &AgentInfo) {
        let path = format!(
            "/v1/client/fs/logs/{}?task=tick&type=stdout&plain=true&follow=true&origin=end&offset=100",
            place.alloc
        );
        let mut line = None;
        let mut stream = match start_request(&mut line, self.gateway, &path).await {
            Ok(stream) if stream.status == 200 => stream,
            Ok(_) if place.may_die => return self.stats.record_failure(),
            Ok(stream) => return self.stats.record_wrong(format!("{path}: {}", stream.status)),
            Err(error) => return self.stats.record_wrong(format!("{path}: {error}")),
        };
        self.stats.record_stream();
        let mut stopped = self.shutdown.clone();
        let (mut seen, mut last) = (Vec::new(), None);
        loop {
            let piece = tokio::select! {
                piece = stream.body.frame() => piece,
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sleep(LIMIT) => return self.stats.record_wrong(format!("{path}: silent")),
            };
            match piece {
                Some(Ok(frame)) => seen.extend_from_slice(&frame.into_data().unwrap()),
                _ if place.may_die => return self.stats.record_failure(),
                ended => return self.stats.record_wrong(format!("{path}: ended by {ended:?}")),
            }
            if let Err(error) = self.take_lines(&mut seen, &mut last) {
                return self.stats.record_wrong(format!("{path}: {error}"));
            }
        }
    }

    fn take_lines(&self, seen: &mut Vec<u8>, last: &mut Option<u64>) -> Result<(), String> {
        while let Some(end) = seen.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = seen.drain(..=end).collect();
            let text = String::from_utf8_lossy(&text).into_owned();
            self.stats.record_line();
            // The first line may be half a one.
            let number = text.trim_end().strip_prefix("line ").and_then(|text| text.parse().ok());
            match (*last, number) {
                // A task that starts again counts from one.
                (_, Some(1)) | (None, _) => {}
                (Some(last), Some(number)) if number == last + 1 => {}
                (last, _) => return Err(format!("{text:?} after {last:?}")),
            }
            *last = number.or(*last);
        }
        Ok(())
    }
}

type Connection = SendRequest<Empty<Bytes>>;

/// A whole answer.
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    agent: String,
    body: Bytes,
}

impl TestResponse {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

struct Stream {
    status: u16,
    agent: String,
    body: Incoming,
}

/// Asks once, over a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<TestResponse, String> {
    fetch(&mut None, address, path).await
}

async fn fetch(
    line: &mut Option<Connection>,
    address: SocketAddr,
    path: &str,
) -> Result<TestResponse, String> {
    let asked = async {
        let stream = start_request(line, address, path).await?;
        let body = stream.body.collect().await.map_err(|error| format!("{error:?}"))?;
        Ok(TestResponse { status: stream.status, agent: stream.agent, body: body.to_bytes() })
    };
    timeout(LIMIT, asked).await.unwrap_or_else(|_| Err("no answer in time".into()))
}

/// Asks over the connection that there is, or over a new one.
async fn start_request(
    line: &mut Option<Connection>,
    address: SocketAddr,
    path: &str,
) -> Result<Stream, String> {
    let told = |error: hyper::Error| format!("{error:?}");
    if line.as_ref().is_none_or(SendRequest::is_closed) {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
        tokio::spawn(connection);
        *line = Some(sender);
    }
    let Some(sender) = line else { unreachable!("it was made") };
    sender.ready().await.map_err(told)?;
    let request = Request::get(path).header("host", address.to_string());
    let response = sender.send_request(request.body(Empty::new()).unwrap()).await.map_err(told)?;
    let (head, body) = response.into_parts();
    let agent = head.headers.get("x-nomad-gateway-agent");
    let agent = agent.map_or("", |name| name.to_str().unwrap()).to_owned();
    Ok(Stream { status: head.status.as_u16(), agent, body })
}
