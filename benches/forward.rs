//! What does each room of the chain cost a request?
//!
//! Each figure is that of the rooms up to the named one, without the request itself, which is made beforehand: the
//! room's own cost is the difference to the one before. The token is remembered, it has 100 rules, and the directory
//! has 10,000 nodes. `forward` is everything between the listener and the agent's socket, with the agent in memory.
//! Budget: 1 µs up to `resolve`. Run with `cargo bench -p nomad-benches --bench forward`.

#![expect(
    clippy::unwrap_used,
    reason = "criterion's macros write undocumented functions, and a bench may fail loudly"
)]

#[path = "forward/memory.rs"]
mod memory;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    marker::PhantomData,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement,
};
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use nomad_acl::{
    Acl, Admit, Identify, Policy,
    tokens::{Clock, ResolvedToken, TokenCache, TokenCacheLimits, TokenLookup, TokenLookupError},
};
use nomad_forward::{
    Agent, DenialDetail, Locate, NomadApi, NomadDirectory, NomadOptions, Select, TcpConnect,
    forwarder,
};
use nomad_wire::{Region, SecretId};
use tower_service::Service;

use self::memory::MemoryConnect;

const NODES: u32 = 10_000;
const RULES: usize = 100;
const TOKEN: &str = "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3";

type Body = Empty<Bytes>;

/// The room after the last one that is measured: takes the slip, and is done.
#[derive(Debug)]
struct FinalService<Q>(PhantomData<fn(Q)>);

const fn final_service<Q>() -> FinalService<Q> {
    FinalService(PhantomData)
}

impl<Q> Clone for FinalService<Q> {
    fn clone(&self) -> Self {
        final_service()
    }
}

impl<Q> Service<Q> for FinalService<Q> {
    type Response = ();
    type Error = nomad_forward::Error;
    type Future = Ready<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, slip: Q) -> Self::Future {
        black_box(slip);
        ready(Ok(()))
    }
}

/// A server that knows every token.
struct AnyToken(Acl);

impl TokenLookup for AnyToken {
    type Future = Ready<Result<ResolvedToken, TokenLookupError>>;

    fn look_up(&self, _token: Option<&SecretId>, _part: Duration) -> Self::Future {
        ready(Ok(ResolvedToken::new(self.0.clone())))
    }
}

struct FrozenClock;

impl Clock for FrozenClock {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn tokens() -> TokenCache<AnyToken, FrozenClock> {
    let rule = |n| format!("namespace \"team-{n:02}-*\" {{ policy = \"read\" }}\n");
    let rules: String = (2..RULES).map(rule).collect();
    let policy: Policy =
        format!("{rules}node {{ policy = \"read\" }}\nagent {{ policy = \"read\" }}")
            .parse()
            .unwrap();
    TokenCache::new(
        AnyToken(Acl::compile([("bench", &policy)])),
        FrozenClock,
        TokenCacheLimits::default(),
    )
}

fn id(n: u32) -> String {
    format!("{:08x}-7630-ebf4-b8b8-c11ee8847863", n.wrapping_mul(0x9E37_79B9))
}

fn directory() -> NomadDirectory<TcpConnect> {
    let region = Region::default();
    let mut options = NomadOptions::default();
    let agent = |n| {
        let address = SocketAddr::from(([127, 0, 0, 1], 4646));
        Agent::client(&format!("client-{n:05}"), id(n).parse().unwrap(), region.clone(), address)
    };
    options.nodes = (0..NODES).map(|n| Arc::new(agent(n).unwrap())).collect();
    let seed = Arc::new(Agent::seed(region.clone(), SocketAddr::from(([127, 0, 0, 1], 4646))));
    NomadDirectory::new(NomadApi::new(TcpConnect, vec![seed]), options).0
}

fn request() -> Request<Body> {
    let uri = format!("/v1/client/stats?node_id={}", id(4_711));
    let request = Request::get(uri).header("host", "gateway:4646").header("x-nomad-token", TOKEN);
    request.body(Empty::new()).unwrap()
}

fn bench_up_to<S>(group: &mut BenchmarkGroup<'_, measurement::WallTime>, name: &str, mut chain: S)
where
    S: Service<Request<Body>, Response = (), Error = nomad_forward::Error>,
{
    // The first call asks for the token; from then on it is remembered.
    assert!(chain.call(request()).now_or_never().unwrap().is_ok());
    group.bench_function(name, |bench| {
        bench.iter_batched(
            request,
            |request| chain.call(request).now_or_never(),
            BatchSize::SmallInput,
        );
    });
}

fn rooms(criterion: &mut Criterion) {
    let (tokens, directory) = (tokens(), directory());
    let mut group = criterion.benchmark_group("up to");
    bench_up_to(&mut group, "identify", Identify::new(final_service(), tokens.clone()));
    let chain = Identify::new(Locate::new(final_service(), directory.clone()), tokens.clone());
    bench_up_to(&mut group, "address", chain);
    let chain = Locate::new(Admit::new(final_service()), directory.clone());
    bench_up_to(&mut group, "admit", Identify::new(chain, tokens.clone()));
    let chain = Locate::new(Admit::new(Select::new(final_service())), directory.clone());
    bench_up_to(&mut group, "resolve", Identify::new(chain, tokens.clone()));
    group.finish();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut chain = forwarder(MemoryConnect, directory, tokens, DenialDetail::Silent);
    let mut ask = |request: Request<Body>| {
        runtime.block_on(async {
            let answer: Result<Response<_>, Infallible> = chain.call(request).await;
            let Ok(answer) = answer;
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap().to_bytes()
        })
    };
    criterion.bench_function("forward", |bench| {
        bench.iter_batched(request, &mut ask, BatchSize::SmallInput);
    });
}

criterion_group!(benches, rooms);
criterion_main!(benches);
