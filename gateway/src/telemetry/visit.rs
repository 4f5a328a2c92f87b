//! One request from its beginning to the end of whatever it led to.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Request, Response, StatusCode};
use nomad_forward::tunnel::Tally;
use nomad_wire::{Route, header::X_NOMAD_GATEWAY_PATH};

use super::{AccessLog, Metrics, family::Family, line::Entry};

/// What many proxies write for a caller who left before the answer began; it is never sent.
const CALLER_LEFT: u16 = 499;

/// One request. Whoever holds it says what moves; dropping it is its end.
#[derive(Debug)]
pub(super) struct Visit {
    metrics: Arc<Metrics>,
    family: Family,
    since: Instant,
    is_answered: bool,
    path: Option<HeaderValue>,
    bytes: u64,
    entry: Option<Box<Entry>>,
}

impl Visit {
    pub(super) fn begin<B>(
        request: &mut Request<B>,
        metrics: Arc<Metrics>,
        log: Option<&AccessLog>,
    ) -> Self {
        let route = Route::parse(request.method(), request.uri()).ok();
        let family = Family::of(route.as_ref(), request.uri().path());
        tracing::Span::current().record("route", family.as_str());
        let entry = log.map(|log| Box::new(Entry::begin(request, route, family, log.clone())));
        let since = Instant::now();
        Self { metrics, family, since, is_answered: false, path: None, bytes: 0, entry }
    }

    /// The head of the answer is there.
    pub(super) fn answered<R>(&mut self, response: &Response<R>) {
        self.is_answered = true;
        self.path = response.headers().get(X_NOMAD_GATEWAY_PATH).cloned();
        self.metrics.duration(self.family, self.since.elapsed());
        self.metrics.request(self.family, response.status(), path(self.path.as_ref()));
        self.metrics.stream_opened(self.family);
        if let Some(entry) = &mut self.entry {
            entry.answered(response);
        }
    }

    /// Something of the answer's body was sent.
    pub(super) const fn moved(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// The body was sent to its end.
    pub(super) fn completed(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.completed();
        }
    }

    /// Stays until a websocket has ended.
    pub(super) async fn follow(mut self, tally: Tally) {
        tally.ended().await;
        self.bytes = tally.to_caller();
        self.metrics.tunnel_ended(tally.to_agent(), tally.to_caller());
        if let Some(entry) = &mut self.entry {
            entry.tunnelled(&tally);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.is_answered {
            self.metrics.stream_closed(self.family, self.bytes, path(self.path.as_ref()));
        } else if let Ok(left) = StatusCode::from_u16(CALLER_LEFT) {
            self.metrics.request(self.family, left, None);
        }
        if let Some(entry) = self.entry.take() {
            entry.end(self.since.elapsed(), self.bytes);
        }
    }
}

fn path(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}
