//! The request log: one line per request, when it is complete.

use std::time::Instant;

use http::{Method, Request};
use nomad_wire::{HttpError, Query};
use tracing::{Dispatch, debug, error};

/// Logs that a request is complete when it is dropped: with the response or with the end of its stream, whichever
/// is later.
#[derive(Debug)]
pub(crate) struct RequestLog {
    dispatch: Dispatch,
    method: Method,
    path: String,
    started: Instant,
}

impl RequestLog {
    pub(crate) fn new<B>(request: &Request<B>, dispatch: Dispatch) -> Self {
        Self {
            dispatch,
            method: request.method().clone(),
            path: redacted_path(request),
            started: Instant::now(),
        }
    }

    /// Logs why the request failed; a client's error is no error of the agent.
    pub(crate) fn log_failure(&self, fault: &HttpError) {
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let (text, code) = (fault.text(), fault.status().as_u16());
        if fault.status().is_server_error() {
            error!(target: "http", method, path, error = text, code, "request failed");
        } else {
            debug!(target: "http", method, path, error = text, code, "request failed");
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let duration = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        tracing::dispatcher::with_default(&self.dispatch, || {
            let (method, path) = (self.method.as_str(), self.path.as_str());
            debug!(target: "http", method, path, duration, "request complete");
        });
    }
}

/// Path and query. Nomad takes no token from a query, but clients have put them there; they must not reach the log.
fn redacted_path<B>(request: &Request<B>) -> String {
    let uri = request.uri();
    let Some(raw) = uri.query() else { return uri.path().to_owned() };
    let names_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        key.contains("token") || key.contains("secret")
    };
    // Keys are compared decoded, so that percent-encoding cannot hide one.
    if !Query::new(raw).pairs().any(|(key, _)| names_secret(&key)) {
        return format!("{}?{raw}", uri.path());
    }
    let pairs = Query::new(raw).pairs().map(|(key, value)| {
        let value = if names_secret(&key) { "<redacted>" } else { &value };
        format!("{key}={value}")
    });
    format!("{}?{}", uri.path(), pairs.collect::<Vec<_>>().join("&"))
}
