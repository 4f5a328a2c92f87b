//! What the span of a request costs, counted in calls to the allocator.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use nomad_agent::{LogHub, LogLine, LogSink};
use nomad_gateway::request_id::RequestId;
use tower_service::Service;
use tracing::level_filters::LevelFilter;

/// Answers at once.
#[derive(Clone)]
struct Served;

impl Service<Request<()>> for Served {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        tracing::Span::current().record("route", "agent");
        tracing::Span::current().record("agent", "client1");
        ready(Ok(Response::new(Full::from("body"))))
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn write_line(&self, _: &str, _: &LogLine) {}
}

/// Of one request when everything is warm.
fn allocations(level: LevelFilter) -> u64 {
    let hub = LogHub::with_sink("gateway", level, Arc::new(Nowhere)).show_spans();
    let mut service = RequestId::new(Served);
    let mut ask = || {
        let request = Request::get("/v1/agent/self").header("host", "gateway").body(()).unwrap();
        let cost = allocation_counter::measure(|| {
            let answer = service.call(request).now_or_never().unwrap().unwrap();
            drop(answer.into_body().collect().now_or_never().unwrap());
        });
        cost.count_total
    };
    tracing::dispatcher::with_default(&hub.dispatch(), || (0..3).map(|_| ask()).last().unwrap())
}

#[test]
fn a_span_costs_one_allocation_and_none_where_nothing_is_logged() {
    let (off, warn) = (allocations(LevelFilter::OFF), allocations(LevelFilter::WARN));
    println!("{off} allocations a request without a log, {warn} with one");
    // The id, room for it in the response's headers, and what reads the body here.
    assert!(off <= 4, "{off}");
    assert_eq!(warn, off + 1);
}
