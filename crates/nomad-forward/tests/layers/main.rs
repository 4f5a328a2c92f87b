//! Tower's own layers between the halves of the chain, around it, and below it. `ConcurrencyLimit` panics when a service is
//! called that was not polled ready.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod agent;
mod below;
mod slow;

use std::{convert::Infallible, time::Duration};

use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use nomad_acl::{AclDisabled, Admitted};
use nomad_forward::{
    DenialDetail, Error, Rescue, StackLimits, StaticDirectory, Tunnels, Upgrade, authorized_stack,
    locate::Located, upstream_body::UpstreamBody, upstream_stack,
};
use tower::{Service, ServiceBuilder, ServiceExt as _, util::BoxCloneService};

use self::agent::{Agent, HOST, SILENT, STREAM};

type Bytes = Empty<bytes::Bytes>;
type Question = Admitted<Located<UpstreamBody<Bytes>>>;
type InnerStack =
    nomad_forward::select::Select<nomad_forward::UpstreamStack<Agent, StaticDirectory, Bytes>>;

fn inner_stack(agent: &Agent) -> InnerStack {
    upstream_stack(agent.clone(), agent::table(), StackLimits::default())
}

/// The whole chain around whatever stands between the halves.
macro_rules! chain {
    ($between:expr) => {
        Upgrade::new(
            authorized_stack($between, agent::table(), AclDisabled, DenialDetail::Silent),
            Tunnels::default(),
        )
    };
}

/// Status and text of an answer.
async fn ask<S, R>(service: &S, path: &str) -> (u16, String)
where
    S: Service<Request<Bytes>, Response = Response<R>, Error = Infallible> + Clone,
    R: http_body::Body,
    R::Error: std::fmt::Debug,
{
    let request = Request::get(path).body(Bytes::new()).unwrap();
    let Ok(answer) = service.clone().oneshot(request).await;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

fn ok() -> (u16, String) {
    (200, "ok".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_limit_between_the_halves_lets_so_many_through_at_once() {
    let agent = Agent::default();
    let limited = ServiceBuilder::new().concurrency_limit(2).service(inner_stack(&agent));
    let chain = chain!(limited);
    let answers = join_all((0..6).map(|_| ask(&chain, HOST))).await;
    assert_eq!(answers, vec![ok(); 6]);
    assert_eq!(agent.most_at_once(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_ends_with_a_timeout_between_the_halves() {
    let agent = Agent::default();
    let limit = Duration::from_secs(3);
    let chain = chain!(ServiceBuilder::new().timeout(limit).service(inner_stack(&agent)));
    let since = tokio::time::Instant::now();
    assert_eq!(ask(&chain, SILENT).await, (503, "the request took too long".to_owned()));
    assert_eq!(since.elapsed(), limit);
    assert_eq!(ask(&chain, HOST).await, ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_shed_may_come_again() {
    let agent = Agent::default();
    let shed = ServiceBuilder::new().load_shed().concurrency_limit(1).service(inner_stack(&agent));
    let chain = chain!(shed);
    let request = Request::get(HOST).body(Bytes::new()).unwrap();
    let (first, second) = futures_util::join!(ask(&chain, HOST), chain.clone().oneshot(request));
    assert_eq!(first, ok());
    let Ok(second) = second;
    assert_eq!(
        (second.status().as_u16(), &second.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!(ask(&chain, HOST).await, ok());
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_cannot_be_cloned_fits_behind_a_buffer() {
    let agent = Agent::default();
    let second = Duration::from_secs(1);
    let limited =
        ServiceBuilder::new().buffer(16).rate_limit(1, second).service(inner_stack(&agent));
    let chain = chain!(limited);
    let since = tokio::time::Instant::now();
    assert_eq!(join_all((0..3).map(|_| ask(&chain, HOST))).await, vec![ok(); 3]);
    assert!(since.elapsed() >= 2 * second);
}

#[tokio::test(start_paused = true)]
async fn errors_keep_their_status_on_the_way_through_a_layer_that_boxes_them() {
    let agent = Agent::default();
    let between = ServiceBuilder::new()
        .load_shed()
        .buffer(4)
        .timeout(Duration::from_secs(9))
        .service(inner_stack(&agent));
    let chain = chain!(between);
    for (path, status, text) in [
        ("/v1/agent/host?server_id=nobody", 500, "unknown Nomad server nobody"),
        ("/v1/client/fs/ls/13651909-dd6d-35ce-5da0-5004769668b3", 404, "unknown allocation"),
        ("/debug/pprof/heap", 404, "/debug is not passed on"),
        (agent::BROKEN, 502, "broke the connection"),
    ] {
        let (answered, said) = ask(&chain, path).await;
        assert_eq!(answered, status, "{path}: {said}");
        assert!(said.to_lowercase().contains(&text.to_lowercase()), "{path}: {said}");
    }
}

/// Is never ready, and says why in words that are nobody's business.
#[derive(Clone)]
struct Broken;

impl Service<Question> for Broken {
    type Response = Response<Bytes>;
    type Error = tower::BoxError;
    type Future = std::future::Pending<Result<Response<Bytes>, tower::BoxError>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), tower::BoxError>> {
        std::task::Poll::Ready(Err("s3cr3t".into()))
    }

    fn call(&mut self, _: Question) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test]
async fn a_layer_that_is_never_ready_gives_a_response_that_reveals_nothing() {
    let chain = chain!(Broken);
    for _ in 0..2 {
        assert_eq!(ask(&chain, HOST).await, (500, "a layer of the gateway failed".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn layers_around_the_whole_stack_are_rescued_again() {
    let agent = Agent::default();
    let around = ServiceBuilder::new()
        .load_shed()
        .buffer(4)
        .concurrency_limit(1)
        .timeout(Duration::from_secs(2))
        .service(chain!(inner_stack(&agent)));
    let chain = Rescue::new(around, DenialDetail::Silent);
    assert_eq!(ask(&chain, SILENT).await, (503, "the request took too long".to_owned()));
    assert_eq!(ask(&chain, HOST).await, ok());
    assert_eq!(join_all((0..3).map(|_| ask(&chain, HOST))).await, vec![ok(); 3]);
    assert_eq!(agent.most_at_once(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_holds_no_permit_of_a_limit_once_it_has_begun() {
    let agent = Agent::default();
    let limited = ServiceBuilder::new().concurrency_limit(1).service(inner_stack(&agent));
    let chain = chain!(limited);
    let request = Request::get(STREAM).body(Bytes::new()).unwrap();
    let Ok(stream) = chain.clone().oneshot(request).await;
    assert_eq!(ask(&chain, HOST).await, ok());
    drop(stream);
}

#[test]
fn the_halves_can_be_boxed() {
    fn fits<S>(_: &S)
    where
        S: Service<Question, Error = Error> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
    }
    let half = inner_stack(&Agent::default());
    fits(&half);
    drop(BoxCloneService::new(half));
}
