//! Callers of the gateway, and what is left open of their calls.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, DenialDetail, Forwarder, StaticDirectory, forwarder};
use nomad_wire::Region;
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use crate::agent::{Awkward, Case};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

/// For so long a caller waits for the end of an answer, or for its beginning.
const PATIENCE: Duration = Duration::from_secs(3);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What a caller sends as a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sends {
    Nothing,
    Small,
    Large,
    /// Begins to send, and never ends.
    HalfAndWaits,
}

impl Sends {
    fn body(self) -> Body {
        let whole =
            |size| Full::new(Bytes::from(vec![b'x'; size])).map_err(|e| match e {}).boxed_unsync();
        match self {
            Self::Nothing => Empty::new().map_err(|e| match e {}).boxed_unsync(),
            Self::Small => whole(100),
            Self::Large => whole(200 << 10),
            Self::HalfAndWaits => {
                let first = Ok(Frame::data(Bytes::from(vec![b'x'; 100 << 10])));
                StreamBody::new(stream::iter([first]).chain(stream::pending())).boxed_unsync()
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) case: Case,
    pub(crate) sends: Sends,
    pub(crate) is_read_to_its_end: bool,
}

impl Call {
    pub(crate) const fn read(case: Case) -> Self {
        Self { method: "GET", case, sends: Sends::Nothing, is_read_to_its_end: true }
    }

    pub(crate) const fn change(case: Case) -> Self {
        Self { method: "POST", case, sends: Sends::Small, is_read_to_its_end: true }
    }
}

pub(crate) struct Caller {
    service: Forwarder<Awkward, StaticDirectory, AclDisabled, Body>,
    agent: Awkward,
    made: usize,
    /// Changes that were answered with an error.
    refused: Vec<usize>,
}

impl Caller {
    pub(crate) fn new(agent: Awkward) -> Self {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 4646));
        let client = Agent::client("client1", NODE.parse().unwrap(), Region::default(), address);
        let table = StaticDirectory::builder(Region::default()).agent(client.unwrap()).build();
        let service = forwarder(agent.clone(), table, AclDisabled, DenialDetail::Silent);
        Self { service, agent, made: 0, refused: Vec::new() }
    }

    /// Number, status, and what came of the body; status 0 when the caller has left before.
    pub(crate) async fn make(&mut self, call: Call) -> (usize, u16, String) {
        self.made += 1;
        let number = self.made;
        let route = if call.method == "POST" { "metadata" } else { "stats" };
        let path =
            format!("/v1/client/{route}?node_id={NODE}&case={:?}&number={number}", call.case);
        let request =
            Request::builder().method(call.method).uri(path).body(call.sends.body()).unwrap();
        let Ok(answered) = timeout(PATIENCE, self.service.call(request)).await else {
            return (number, 0, String::new());
        };
        let response = answered.unwrap();
        let status = response.status().as_u16();
        if call.method == "POST" && status >= 400 {
            self.refused.push(number);
        }
        let mut body = response.into_body();
        let mut text = Vec::new();
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                if !call.is_read_to_its_end {
                    return;
                }
            }
        };
        drop(timeout(PATIENCE, read).await);
        (number, status, String::from_utf8(text).unwrap())
    }

    /// Whatever the agent still does, it makes no change of which the caller was told that it was not made.
    pub(crate) async fn nothing_refused_is_carried_out(self) {
        sleep(Duration::from_secs(60)).await;
        let carried_out = self.agent.carried_out();
        let both: Vec<_> = self.refused.iter().filter(|n| carried_out.contains(n)).collect();
        assert!(both.is_empty(), "refused and carried out: {both:?}");
    }
}
