//! What a forwarded request costs when everything about it is known: counted in calls to the allocator, never in time.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must fail")]

#[path = "warm/memory.rs"]
mod memory;

use std::{
    future::{Ready, ready},
    hint::black_box,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use nomad_acl::{
    Acl, Policy, Requirement, Subject,
    tokens::{Clock, ResolvedToken, TokenCache, TokenCacheLimits, TokenLookup, TokenLookupError},
};
use nomad_forward::{
    Agent, DenialDetail, Directory as _, LookupContext, NomadApi, NomadDirectory, NomadOptions,
    Target, TcpConnect, forwarder,
};
use nomad_wire::{Query, Region, Route, SecretId};
use tower_service::Service as _;

use self::memory::Memory;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const TOKEN: &str = "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3";

/// Of a whole exchange with an agent in memory, the token and hyper's client included; the request is made before.
/// There were 13 when this was written.
const PER_REQUEST: u64 = 14;

struct Known(Acl);

impl TokenLookup for Known {
    type Future = Ready<Result<ResolvedToken, TokenLookupError>>;

    fn look_up(&self, _token: Option<&SecretId>, _part: Duration) -> Self::Future {
        ready(Ok(ResolvedToken::new(self.0.clone())))
    }
}

struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn acl() -> Acl {
    let policy: Policy = "node { policy = \"read\" }".parse().unwrap();
    Acl::compile([("bench", &policy)])
}

fn directory() -> NomadDirectory<TcpConnect> {
    let (region, address) = (Region::default(), SocketAddr::from(([127, 0, 0, 1], 4646)));
    let agent = Agent::client("client1", NODE.parse().unwrap(), region.clone(), address).unwrap();
    let mut options = NomadOptions::default();
    options.nodes = vec![Arc::new(agent)];
    let seed = Arc::new(Agent::seed(region, address));
    NomadDirectory::new(NomadApi::new(TcpConnect, vec![seed]), options).0
}

fn uri() -> Uri {
    format!("/v1/client/stats?node_id={NODE}").parse().unwrap()
}

/// Polls until it is done: the agent answers as soon as it is asked, so that nothing is waited for.
fn settled<F: Future>(future: F) -> F::Output {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    for _ in 0..8 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("nothing comes of it");
}

#[test]
fn what_is_asked_where_it_is_and_whether_they_may_allocates_nothing() {
    let (acl, directory, uri) = (acl(), directory(), uri());
    let cost = allocation_counter::measure(|| {
        let route = Route::parse(&Method::GET, black_box(&uri)).unwrap();
        let target = Target::from_call(&route, &Query::from_uri(&uri)).unwrap();
        let place = directory.locate(&target, None, LookupContext::default()).now_or_never();
        assert!(place.unwrap().is_ok());
        assert!(acl.allows(&Requirement::for_route(&route), &Subject::Agent).is_allowed());
    });
    assert_eq!(cost.count_total, 0);
}

#[test]
fn a_warm_request_allocates_so_much_and_no_more() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens = TokenCache::new(Known(acl()), Still, TokenCacheLimits::default());
    let mut chain = forwarder(Memory, directory(), tokens, DenialDetail::Silent);
    let mut ask = || {
        let request = Request::get(uri()).header("host", "gateway").header("x-nomad-token", TOKEN);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let mut cost = None;
        runtime.block_on(async {
            cost = Some(allocation_counter::measure(|| {
                let answer = settled(chain.call(request)).unwrap();
                assert_eq!(answer.status(), 200);
                let body = settled(answer.into_body().collect()).unwrap();
                assert_eq!(body.to_bytes(), memory::BODY);
            }));
        });
        cost.unwrap().count_total
    };
    let first = ask();
    let warm = ask();
    println!("{first} allocations for the first request, {warm} for the next");
    assert!(warm <= PER_REQUEST, "{warm} allocations");
}
