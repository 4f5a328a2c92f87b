//! `admin`: the gateway's own endpoints, below `/v1/gateway/`, where Nomad has none.
//!
//! | call | right | answer |
//! |---|---|---|
//! | `GET /v1/gateway/health` | none | 200 while it serves, with what it lacks; 503 when it drains |
//! | `GET /v1/gateway/metrics` | `agent:read` | numbers for Prometheus |
//! | `GET /v1/gateway/fleet` | `agent:read` | what the directory believes about every agent, and why |
//!
//! The right is the one in the own region, whatever `region` says, and what was taken away counts for 2 s at most.
//!
//! Every answer from here, a refusal too, says `X-Nomad-Gateway-Path: here`.

mod endpoints;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use http_body_util::{Either, Full};
use nomad_acl::{Identify, Tokens};
use nomad_forward::{DenialDetail, Directory, Rescue, loop_detection, rescue::RescueBody};
use nomad_wire::{HttpError, header::X_NOMAD_GATEWAY_PATH};
use pin_project::pin_project;
use tower_service::Service;

use self::endpoints::Endpoints;
use crate::{Shutdown, telemetry::Metrics};

/// Where the own calls stand.
pub(crate) const PATH_PREFIX: &str = "/v1/gateway/";

/// How these answers come about.
const PATH_VALUE: HeaderValue = HeaderValue::from_static("here");

/// Answers the gateway's own calls, and hands all others on.
#[derive(Debug, Clone)]
pub struct Admin<S, D, T> {
    inner: S,
    endpoints: Rescue<Identify<Endpoints<D>, T>>,
    directory: D,
    stop: Shutdown,
}

impl<S, D: Clone, T> Admin<S, D, T> {
    /// Stands in front of `inner`; the rights are those of `tokens`.
    pub fn new(inner: S, about: AdminState<D>, tokens: T, denials: DenialDetail) -> Self {
        let AdminState { directory, metrics, stop } = about;
        let room =
            Identify::new(Endpoints::new(directory.clone(), metrics), tokens).answered_locally();
        let room = Rescue::new(room, denials);
        Self { inner, endpoints: room, directory, stop }
    }
}

/// What the own calls tell about.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "one part for each call")]
pub struct AdminState<D> {
    /// What is believed about the agents.
    pub directory: D,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Whether the gateway still serves.
    pub stop: Shutdown,
}

/// An answer from here, or of whoever is behind.
pub type AdminBody<R> = Either<R, RescueBody<Full<Bytes>>>;

impl<S, D, T, B, R> Service<Request<B>> for Admin<S, D, T>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    D: Directory + Clone,
    T: Tokens,
{
    type Response = Response<AdminBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, endpoints::EndpointsFuture<D, T, B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // One of the two is called, and it is not known yet which.
        let Ok(()) = ready!(self.inner.poll_ready(cx));
        Service::<Request<B>>::poll_ready(&mut self.endpoints, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if loop_detection::is_loop(request.headers()) {
            let text =
                "this request has passed this gateway before: an agent's address leads back to it";
            return ResponseFuture::ready(
                HttpError::new(StatusCode::LOOP_DETECTED, text).into_response(),
            );
        }
        let Some(name) = request.uri().path().strip_prefix(PATH_PREFIX) else {
            return ResponseFuture::Behind(self.inner.call(request));
        };
        if !["health", "metrics", "fleet"].contains(&name) {
            let text = "the gateway knows health, metrics and fleet here";
            ResponseFuture::ready(HttpError::new(StatusCode::NOT_FOUND, text).into_response())
        } else if request.method() != Method::GET {
            let fault = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "Invalid method");
            let mut response = fault.into_response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            ResponseFuture::ready(response)
        } else if name == "health" {
            ResponseFuture::ready(endpoints::health_response(
                &self.stop,
                self.directory.discovery_status(),
            ))
        } else {
            ResponseFuture::Room(self.endpoints.call(request))
        }
    }
}

/// The answer to one of the own calls, or to any other.
#[pin_project(project = ResponseProjection)]
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a future is polled, not matched on")]
pub enum ResponseFuture<F, G> {
    /// Whoever is behind answers.
    Behind(#[pin] F),
    /// A call that needs a right.
    Room(#[pin] G),
    /// The answer is known.
    Here(Option<Box<Response<RescueBody<Full<Bytes>>>>>),
}

impl<F, G> ResponseFuture<F, G> {
    fn ready(response: Response<RescueBody<Full<Bytes>>>) -> Self {
        Self::Here(Some(Box::new(response)))
    }
}

impl<F, G, R> Future for ResponseFuture<F, G>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
    G: Future<Output = Result<Response<RescueBody<Full<Bytes>>>, Infallible>>,
{
    type Output = Result<Response<AdminBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseProjection::Behind(answer) => {
                answer.poll(cx).map_ok(|answer| answer.map(Either::Left))
            }
            ResponseProjection::Room(answer) => {
                answer.poll(cx).map_ok(|answer| with_path_header(answer).map(Either::Right))
            }
            ResponseProjection::Here(answer) => {
                let answer = answer.take().expect("a finished future is not polled again");
                Poll::Ready(Ok(with_path_header(*answer).map(Either::Right)))
            }
        }
    }
}

/// Says that no agent was asked.
fn with_path_header<R>(mut answer: Response<R>) -> Response<R> {
    answer.headers_mut().insert(X_NOMAD_GATEWAY_PATH, PATH_VALUE);
    answer
}
