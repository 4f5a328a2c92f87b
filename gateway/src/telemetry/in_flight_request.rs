//! A request in flight, until everything it led to has ended.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Request, Response, StatusCode};
use nomad_forward::upgrade::TunnelStats;
use nomad_wire::{Route, header::X_NOMAD_GATEWAY_PATH};

use super::{AccessLog, Metrics};
use crate::telemetry::{access_log_line::AccessLogEntry, route_class::RouteClass};

/// What many proxies write for a caller who left before the answer began; it is never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// One request. Whoever holds it says what moves; dropping it is its end.
#[derive(Debug)]
pub(super) struct InFlightRequest {
    metrics: Arc<Metrics>,
    route_class: RouteClass,
    since: Instant,
    has_responded: bool,
    path: Option<HeaderValue>,
    bytes: u64,
    entry: Option<Box<AccessLogEntry>>,
}

impl InFlightRequest {
    pub(super) fn start<B>(
        request: &mut Request<B>,
        metrics: Arc<Metrics>,
        log: Option<&AccessLog>,
    ) -> Self {
        let route = Route::parse(request.method(), request.uri()).ok();
        let family = RouteClass::from_request(route.as_ref(), request.uri().path());
        tracing::Span::current().record("route", family.as_str());
        let entry =
            log.map(|log| Box::new(AccessLogEntry::begin(request, route, family, log.clone())));
        let since = Instant::now();
        Self {
            metrics,
            route_class: family,
            since,
            has_responded: false,
            path: None,
            bytes: 0,
            entry,
        }
    }

    /// The head of the answer is there.
    pub(super) fn record_response<R>(&mut self, response: &Response<R>) {
        self.has_responded = true;
        self.path = response.headers().get(X_NOMAD_GATEWAY_PATH).cloned();
        self.metrics.observe_duration(self.route_class, self.since.elapsed());
        self.metrics.count_request(
            self.route_class,
            response.status(),
            path_label(self.path.as_ref()),
        );
        self.metrics.stream_opened(self.route_class);
        if let Some(entry) = &mut self.entry {
            entry.record_response(response);
        }
    }

    /// Something of the answer's body was sent.
    pub(super) const fn add_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// The body was sent to its end.
    pub(super) fn record_complete(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.record_complete();
        }
    }

    /// Stays until a websocket has ended.
    pub(super) async fn follow_tunnel(mut self, tally: TunnelStats) {
        tally.closed().await;
        self.bytes = tally.bytes_to_client();
        self.metrics.count_tunnel_bytes(tally.bytes_to_agent(), tally.bytes_to_client());
        if let Some(entry) = &mut self.entry {
            entry.record_tunnel(&tally);
        }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        if self.has_responded {
            self.metrics.stream_closed(
                self.route_class,
                self.bytes,
                path_label(self.path.as_ref()),
            );
        } else if let Ok(left) = StatusCode::from_u16(CLIENT_CLOSED_REQUEST) {
            self.metrics.count_request(self.route_class, left, None);
        }
        if let Some(entry) = self.entry.take() {
            entry.write(self.since.elapsed(), self.bytes);
        }
    }
}

fn path_label(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}
