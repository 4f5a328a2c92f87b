//! One line of the access log.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response};
use jiff::Timestamp;
use nomad_acl::{Requirement, TokenInfoSlot};
use nomad_forward::{attribution::responding_agent, forward::ForwardedFor, upgrade::TunnelStats};
use nomad_wire::{
    Route,
    header::{X_NOMAD_GATEWAY_PATH, X_REQUEST_ID},
};
use serde::Serialize;

use super::{AccessLog, route_class::RouteClass};
use crate::proxy::request_id::TraceParent;

/// What is known of a request until it ends. The query is not kept: values in it may be somebody's secret.
#[derive(Debug)]
pub(super) struct AccessLogEntry {
    log: AccessLog,
    started_at: Timestamp,
    token_slot: TokenInfoSlot,
    from: Option<(SocketAddr, IpAddr)>,
    method: Method,
    path: Box<str>,
    route_class: RouteClass,
    route: Option<Route>,
    status: Option<u16>,
    request_id: Option<HeaderValue>,
    trace: Option<TraceParent>,
    agent: Option<HeaderValue>,
    via: Option<HeaderValue>,
    is_complete: bool,
    bytes_to_agent: Option<u64>,
    close_code: Option<u16>,
}

impl AccessLogEntry {
    pub(super) fn begin<B>(
        request: &mut Request<B>,
        route: Option<Route>,
        family: RouteClass,
        log: AccessLog,
    ) -> Self {
        let slip = TokenInfoSlot::default();
        request.extensions_mut().insert(slip.clone());
        Self {
            log,
            started_at: Timestamp::now(),
            token_slot: slip,
            from: request
                .extensions()
                .get::<ForwardedFor>()
                .map(|from| (from.peer(), from.client())),
            method: request.method().clone(),
            path: request.uri().path().into(),
            route_class: family,
            route,
            status: None,
            request_id: request.headers().get(X_REQUEST_ID).cloned(),
            trace: request.extensions().get().copied(),
            agent: None,
            via: None,
            is_complete: false,
            bytes_to_agent: None,
            close_code: None,
        }
    }

    pub(super) fn record_response<R>(&mut self, response: &Response<R>) {
        let headers = response.headers();
        self.status = Some(response.status().as_u16());
        self.agent = responding_agent(response).cloned();
        self.via = headers.get(X_NOMAD_GATEWAY_PATH).cloned();
    }

    pub(super) const fn record_complete(&mut self) {
        self.is_complete = true;
    }

    pub(super) fn record_tunnel(&mut self, tally: &TunnelStats) {
        self.is_complete = true;
        self.agent = self.agent.take().or_else(|| tally.agent().cloned());
        self.bytes_to_agent = Some(tally.bytes_to_agent());
        self.close_code = tally.close_code();
    }

    /// Hands the line over.
    pub(super) fn write(self, took: Duration, bytes: u64) {
        let demanded = self.route.as_ref().map(|route| Requirement::for_route(route).to_string());
        let allocation = self.route.as_ref().and_then(allocation);
        let bearer = self.token_slot.get();
        let line = AccessLogLine {
            time: self.started_at.to_string(),
            request_id: header_text(self.request_id.as_ref()),
            trace_id: self.trace.as_ref().map(|parent| parent.trace.as_str()),
            span_id: self.trace.as_ref().map(|parent| parent.span.as_str()),
            client: self.from.map(|(_, client)| client),
            remote: self.from.map(|(peer, _)| peer),
            accessor: bearer.map(|bearer| &*bearer.accessor),
            token_name: bearer.map(|bearer| &*bearer.name),
            method: self.method.as_str(),
            path: &self.path,
            route: self.route_class.as_str(),
            capability: demanded.as_deref().filter(|demanded| !demanded.is_empty()),
            allocation: allocation.as_deref(),
            agent: header_text(self.agent.as_ref()),
            via: header_text(self.via.as_ref()),
            status: self.status,
            close: self.close_code,
            complete: self.is_complete,
            bytes,
            bytes_to_agent: self.bytes_to_agent,
            duration_ms: took.as_secs_f64() * 1000.0,
        };
        // Texts and numbers can always be written.
        if let Ok(mut line) = serde_json::to_vec(&line) {
            line.push(b'\n');
            self.log.write(line);
        }
    }
}

fn header_text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

fn allocation(route: &Route) -> Option<String> {
    route.allocation()?.id().ok().map(ToString::to_string)
}

/// The line as it is written. `status` is missing when the caller left before the answer began; `complete` says whether
/// the answer was sent to its end.
#[derive(Debug, Serialize)]
struct AccessLogLine<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accessor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_name: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capability: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<u16>,
    complete: bool,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_to_agent: Option<u64>,
    duration_ms: f64,
}
