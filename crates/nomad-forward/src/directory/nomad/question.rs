//! One question to Nomad's API, and what its answer says.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use nomad_wire::{Query, Region, SecretId, header::X_NOMAD_TOKEN};
use serde::de::DeserializeOwned;

use crate::{Agent, NomadApi, api::ApiError, connect::Connect};

/// What an answer says.
#[derive(Debug)]
pub(super) enum Verdict<T> {
    Is(T),
    /// There is no such thing.
    Missing,
    /// There is no such region.
    NoRegion,
    /// The token may not know. Nomad hides an allocation by saying that it is unknown, with status 500.
    Refused,
    /// Nobody answered, or not to the question.
    Silent,
}

/// A question: a path with its query, in somebody's name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) path: &'a str,
    pub(super) region: Option<&'a Region>,
    pub(super) token: Option<&'a SecretId>,
}

impl<'a> Question<'a> {
    pub(super) const fn new(path: &'a str, token: Option<&'a SecretId>) -> Self {
        Self { path, region: None, token }
    }

    /// The request; `None` when the text makes no URI, so that nobody can have meant it.
    pub(super) fn request(&self) -> Option<Request<Bytes>> {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let query = match self.region {
            Some(region) => Query::new(query).with("region", region.as_str()),
            None => query.to_owned(),
        };
        // Any server will do: what is asked for is found out again when it turns out old.
        let separator = if query.is_empty() { "" } else { "&" };
        let uri: Uri = format!("{path}?{query}{separator}stale").parse().ok()?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        if let Some(token) = self.token.and_then(SecretId::header_value) {
            request.headers_mut().insert(X_NOMAD_TOKEN, token);
        }
        Some(request)
    }

    /// Asks any server for a JSON document.
    pub(super) async fn ask<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
    ) -> Verdict<T> {
        self.ask_raw(api).await.and_then(|answer| parsed(&answer))
    }

    /// Asks one server for a JSON document.
    pub(super) async fn ask_one<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
        server: &Arc<Agent>,
    ) -> Verdict<T> {
        let Some(request) = self.request() else { return Verdict::Missing };
        judged(api.ask(server, request).await, self.path).and_then(|answer| parsed(&answer))
    }

    /// Asks any server, and leaves the body as it is.
    pub(super) async fn ask_raw<C: Connect>(&self, api: &NomadApi<C>) -> Verdict<Response<Bytes>> {
        let Some(request) = self.request() else { return Verdict::Missing };
        let mut api = api.clone();
        judged(tower_service::Service::call(&mut api, request).await, self.path)
    }
}

impl<T> Verdict<T> {
    fn and_then<U>(self, then: impl FnOnce(T) -> Verdict<U>) -> Verdict<U> {
        match self {
            Self::Is(value) => then(value),
            Self::Missing => Verdict::Missing,
            Self::NoRegion => Verdict::NoRegion,
            Self::Refused => Verdict::Refused,
            Self::Silent => Verdict::Silent,
        }
    }
}

/// The statuses do not tell: Nomad says the same with 403, 404 and 500. The texts do.
fn judged(answer: Result<Response<Bytes>, ApiError>, path: &str) -> Verdict<Response<Bytes>> {
    let answer = match answer {
        Ok(answer) if answer.status() == StatusCode::OK => return Verdict::Is(answer),
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(path, error = &error as &dyn std::error::Error, "no answer");
            return Verdict::Silent;
        }
    };
    let text = String::from_utf8_lossy(answer.body());
    let text = text.trim();
    match answer.status() {
        StatusCode::NOT_FOUND => Verdict::Missing,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Verdict::Refused,
        _ if text.ends_with("No path to region") => Verdict::NoRegion,
        _ if text.contains("Permission denied") => Verdict::Refused,
        _ if text.to_ascii_lowercase().contains("unknown allocation") => Verdict::Refused,
        _ if text.contains("ACL token") || text.contains("UUID must be") => Verdict::Refused,
        status => {
            tracing::debug!(path, %status, text, "an answer that says nothing");
            Verdict::Silent
        }
    }
}

fn parsed<T: DeserializeOwned>(answer: &Response<Bytes>) -> Verdict<T> {
    match serde_json::from_slice(answer.body()) {
        Ok(value) => Verdict::Is(value),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "an answer out of form");
            Verdict::Silent
        }
    }
}
