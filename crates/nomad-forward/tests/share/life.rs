//! The life of a shared request, with a server that follows a script.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use nomad_forward::{
    Agent, Coalesce, CoalesceLimits, CoalescedRequests, Endpoint, Error, Path, RelayFallback,
    coalesce::CoalesceBody, directory::DirectoryError, select::UpstreamRequest,
};
use nomad_wire::{Call, Region};
use tokio::time::{Instant, sleep};
use tower_service::Service;

type Body = Pin<Box<StreamBody<stream::BoxStream<'static, io::Result<Frame<Bytes>>>>>>;

/// After a second it answers with its chunks, each of them a second later.
#[derive(Clone)]
struct Server {
    chunks: Arc<Vec<Result<&'static str, ()>>>,
    is_failing: bool,
    asked: Arc<AtomicUsize>,
    /// Requests that are being answered.
    open: Arc<Mutex<usize>>,
}

struct Open(Arc<Mutex<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl Service<UpstreamRequest<()>> for Server {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, resolved: UpstreamRequest<()>) -> Self::Future {
        let server = self.clone();
        server.asked.fetch_add(1, Ordering::Relaxed);
        *server.open.lock().unwrap() += 1;
        let open = Open(Arc::clone(&server.open));
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            if server.is_failing {
                let source = DirectoryError::NoServers;
                return Err(nomad_forward::locate::LocateError::Directory {
                    route: resolved.call.route,
                    source,
                }
                .into());
            }
            let chunks = server.chunks.as_ref().clone();
            let body = stream::iter(chunks).then(move |chunk| {
                let _open = &open;
                async move {
                    sleep(Duration::from_secs(1)).await;
                    let broken = |()| io::Error::from(io::ErrorKind::ConnectionReset);
                    chunk
                        .map(|text| Frame::data(Bytes::from_static(text.as_bytes())))
                        .map_err(broken)
                }
            });
            let mut response = Response::new(Box::pin(StreamBody::new(body.boxed())));
            response.headers_mut().insert("x-nomad-index", "8".parse().unwrap());
            Ok(response)
        })
    }
}

struct World {
    server: Server,
    shares: CoalescedRequests,
    share: Coalesce<Server, Body>,
}

impl World {
    fn new(limits: CoalesceLimits, chunks: &[Result<&'static str, ()>]) -> Self {
        let server = Server {
            chunks: Arc::new(chunks.to_vec()),
            is_failing: false,
            asked: Arc::default(),
            open: Arc::default(),
        };
        Self::with(server, limits)
    }

    fn with(server: Server, limits: CoalesceLimits) -> Self {
        let shares = CoalescedRequests::new(limits);
        Self { share: Coalesce::new(server.clone(), shares.clone()), server, shares }
    }

    fn ask(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<Response<CoalesceBody<Body>>, Error>> + use<> {
        let request = Request::get("/v1/jobs?index=7").header("x-nomad-token", token);
        let request = request.body(()).unwrap();
        let call = Call::parse(request.method(), request.uri()).unwrap();
        let agent = Arc::new(Agent::seed(Region::default(), Endpoint::host("agent", 1)));
        self.share.clone().call(UpstreamRequest {
            call,
            request,
            agent,
            fallbacks: Vec::new(),
            path: Path::Pass,
            relay_fallback: RelayFallback::None,
            early_head: None,
        })
    }

    /// Index and text of an answer.
    async fn read(&self, token: &str) -> Result<(String, String), String> {
        read(self.ask(token).await).await
    }

    fn asked(&self) -> usize {
        self.server.asked.load(Ordering::Relaxed)
    }

    fn open(&self) -> usize {
        *self.server.open.lock().unwrap()
    }
}

async fn read(
    answer: Result<Response<CoalesceBody<Body>>, Error>,
) -> Result<(String, String), String> {
    let response = answer.map_err(|error| error.to_string())?;
    let index = response.headers()["x-nomad-index"].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok((index, String::from_utf8(body.to_bytes().to_vec()).unwrap()))
}

fn limits() -> CoalesceLimits {
    CoalesceLimits { requests: 2, response_bytes: 10, total_bytes: 20 }
}

fn whole() -> Result<(String, String), String> {
    Ok(("8".into(), "[1,2]".into()))
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_gets_head_and_body_of_one_request() {
    let world = World::new(limits(), &[Ok("[1,"), Ok("2]")]);
    let answers = join_all((0..100).map(|_| world.read("a"))).await;
    assert!(answers.iter().all(|answer| *answer == whole()), "{answers:?}");
    assert_eq!((world.asked(), world.shares.coalesced_total()), (1, 99));
    assert_eq!((world.open(), world.shares.buffered_bytes()), (0, 0), "nothing is left of it");
    // The next question is a new one.
    assert_eq!(world.read("a").await, whole());
    assert_eq!(world.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_tokens_send_their_own_request() {
    let world = World::new(limits(), &[Ok("[1,2]")]);
    let answers = join_all(["a", "b", "a", "b"].map(|token| world.read(token))).await;
    assert!(answers.iter().all(|answer| *answer == whole()));
    assert_eq!((world.asked(), world.shares.coalesced_total()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_response_that_has_begun() {
    let world = World::new(limits(), &[Ok("[1,"), Ok("2]")]);
    let late = async {
        sleep(Duration::from_millis(1_500)).await;
        world.read("a").await
    };
    let (one, two, late) = tokio::join!(world.read("a"), world.read("a"), late);
    assert_eq!([one, two, late], [whole(), whole(), whole()]);
    assert_eq!(world.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_single_client_gets_the_response_as_it_comes() {
    let world = World::new(limits(), &[Ok("far more than ten bytes,"), Ok("2]")]);
    let since = Instant::now();
    let mut body = world.ask("a").await.unwrap().into_body();
    assert_eq!(since.elapsed(), Duration::from_secs(1), "the head is not held back");
    body.frame().await.unwrap().unwrap();
    assert_eq!((since.elapsed(), world.shares.buffered_bytes()), (Duration::from_secs(2), 0));
    drop(body);
    assert_eq!(world.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_leaves_the_others_alone_and_the_last_one_ends_it() {
    let world = World::new(limits(), &[Ok("[1,2]")]);
    // The one that began it leaves.
    let mut first = Box::pin(world.read("a"));
    let mut second = Box::pin(world.read("a"));
    let mut third = Box::pin(world.read("a"));
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(waiting.now_or_never().is_none());
    }
    drop(first);
    assert_eq!(world.open(), 1);
    drop(third);
    assert_eq!((second.await, world.asked()), (whole(), 1));

    let mut one = Box::pin(world.read("a"));
    let mut two = Box::pin(world.read("a"));
    assert!((&mut one).now_or_never().is_none() && (&mut two).now_or_never().is_none());
    drop(one);
    assert_eq!(world.open(), 1);
    drop(two);
    assert_eq!(world.open(), 0, "the last one ends the request");
    assert_eq!((world.read("a").await, world.asked()), (whole(), 3));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_the_body_comes_changes_nothing() {
    let world = World::new(limits(), &[Ok("[1,"), Ok("2]")]);
    let first = tokio::time::timeout(Duration::from_millis(1_500), world.read("a"));
    let (first, second) = tokio::join!(first, world.read("a"));
    assert!(first.is_err());
    assert_eq!((second, world.asked(), world.shares.buffered_bytes()), (whole(), 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_too_large_goes_to_one_client_and_the_others_send_their_own_request() {
    let world = World::new(limits(), &[Ok("[1,2,3,"), Ok("4,5,6]")]);
    let answers = join_all((0..3).map(|_| world.read("a"))).await;
    let large = Ok(("8".into(), "[1,2,3,4,5,6]".into()));
    assert!(answers.iter().all(|answer| *answer == large), "{answers:?}");
    assert_eq!((world.asked(), world.shares.buffered_bytes()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_too_large_is_not_lost_with_the_first_client() {
    let world = World::new(limits(), &[Ok("[1,2,3,"), Ok("4,5,6]")]);
    let first = tokio::time::timeout(Duration::from_millis(2_500), world.read("a"));
    let (first, second) = tokio::join!(first, world.read("a"));
    assert!(first.is_err());
    assert_eq!(second, Ok(("8".into(), "[1,2,3,4,5,6]".into())));
    assert_eq!(world.asked(), 1, "the other one takes it over");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_breaks_off_breaks_off_for_everybody() {
    let world = World::new(limits(), &[Ok("[1,"), Err(())]);
    let answers = join_all((0..2).map(|_| world.read("a"))).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert_eq!((world.asked(), world.shares.buffered_bytes()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_everybodys() {
    let mut world = World::new(limits(), &[]);
    world.server.is_failing = true;
    let world = World::with(world.server, limits());
    let answers = join_all((0..3).map(|_| world.read("a"))).await;
    let text = "no place for the target";
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e == text)), "{answers:?}");
    assert_eq!(world.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn coalescing_is_bounded_and_can_be_turned_off() {
    let world = World::new(limits(), &[Ok("[1,2]")]);
    let tokens = ["a", "b", "c", "c", "a"];
    let answers = join_all(tokens.map(|token| world.read(token))).await;
    assert!(answers.iter().all(|answer| *answer == whole()));
    assert_eq!((world.asked(), world.shares.coalesced_total()), (4, 1), "there is no third place");

    let off = World::new(CoalesceLimits { requests: 0, ..limits() }, &[Ok("[1,2]")]);
    join_all((0..3).map(|_| off.read("a"))).await;
    assert_eq!((off.asked(), off.shares.coalesced_total()), (3, 0));
}
