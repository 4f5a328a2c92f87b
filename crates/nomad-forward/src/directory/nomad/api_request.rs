//! One request to Nomad's API, and what its response means.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use nomad_wire::{Query, Region, SecretId, header::X_NOMAD_TOKEN};
use serde::de::DeserializeOwned;

use crate::{Agent, NomadApi, connect::Connect, nomad_api::ApiError};

/// What an answer says.
#[derive(Debug)]
pub(super) enum ApiOutcome<T> {
    Found(T),
    /// There is no such thing.
    NotFound,
    /// There is no such region.
    NoRegion,
    /// The token may not know. Nomad hides an allocation by saying that it is unknown, with status 500.
    Denied,
    /// Nobody answered, or not to the question.
    NoResponse,
}

/// In whose name a question is asked: in the gateway's own, and in the caller's where that one may not know.
#[derive(Debug, Clone, Default)]
pub(super) struct LookupTokens {
    pub(super) gateway: Option<SecretId>,
    pub(super) client: Option<SecretId>,
}

impl LookupTokens {
    /// The tokens to ask with, one after the other; one question at least is asked.
    fn in_order(&self) -> impl Iterator<Item = Option<&SecretId>> {
        let caller = self.client.as_ref().filter(|caller| Some(*caller) != self.gateway.as_ref());
        let nobody = self.gateway.is_none() && caller.is_none();
        let tokens = self.gateway.iter().chain(caller).map(Some);
        tokens.chain(nobody.then_some(None))
    }
}

/// A question: a path with its query, in somebody's name.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApiRequest<'a> {
    pub(super) path: &'a str,
    pub(super) region: Option<&'a Region>,
    pub(super) token: Option<&'a SecretId>,
}

impl<'a> ApiRequest<'a> {
    pub(super) const fn new(path: &'a str, token: Option<&'a SecretId>) -> Self {
        Self { path, region: None, token }
    }

    /// The same question with this token.
    const fn with_token<'b>(&self, token: Option<&'b SecretId>) -> ApiRequest<'b>
    where
        'a: 'b,
    {
        ApiRequest { path: self.path, region: self.region, token }
    }

    /// The request; `None` when the text makes no URI, so that nobody can have meant it.
    pub(super) fn request(&self) -> Option<Request<Bytes>> {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let query = match self.region {
            Some(region) => Query::new(query).with_param("region", region.as_str()),
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
    pub(super) async fn fetch<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
    ) -> ApiOutcome<T> {
        self.fetch_raw(api).await.and_then(|answer| parse_body(&answer))
    }

    /// Asks one server for a JSON document, in one name after the other.
    pub(super) async fn fetch_from<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
        server: &Arc<Agent>,
        who: &LookupTokens,
    ) -> ApiOutcome<T> {
        for token in who.in_order() {
            let Some(request) = self.with_token(token).request() else {
                return ApiOutcome::NotFound;
            };
            let verdict = classify(api.send_to(server, request).await, self.path);
            if !matches!(verdict, ApiOutcome::Denied) {
                return verdict.and_then(|answer| parse_body(&answer));
            }
        }
        ApiOutcome::Denied
    }

    /// Asks any server, in one name after the other, and leaves the body as it is.
    pub(super) async fn fetch_raw_with<C: Connect>(
        &self,
        api: &NomadApi<C>,
        who: &LookupTokens,
    ) -> ApiOutcome<Response<Bytes>> {
        for token in who.in_order() {
            let verdict = self.with_token(token).fetch_raw(api).await;
            if !matches!(verdict, ApiOutcome::Denied) {
                return verdict;
            }
        }
        ApiOutcome::Denied
    }

    /// Asks any server for a JSON document, in one name after the other.
    pub(super) async fn fetch_with<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
        who: &LookupTokens,
    ) -> ApiOutcome<T> {
        self.fetch_raw_with(api, who).await.and_then(|answer| parse_body(&answer))
    }

    /// Asks any server, and leaves the body as it is.
    pub(super) async fn fetch_raw<C: Connect>(
        &self,
        api: &NomadApi<C>,
    ) -> ApiOutcome<Response<Bytes>> {
        let Some(request) = self.request() else { return ApiOutcome::NotFound };
        let mut api = api.clone();
        classify(tower_service::Service::call(&mut api, request).await, self.path)
    }
}

impl<T> ApiOutcome<T> {
    fn and_then<U>(self, then: impl FnOnce(T) -> ApiOutcome<U>) -> ApiOutcome<U> {
        match self {
            Self::Found(value) => then(value),
            Self::NotFound => ApiOutcome::NotFound,
            Self::NoRegion => ApiOutcome::NoRegion,
            Self::Denied => ApiOutcome::Denied,
            Self::NoResponse => ApiOutcome::NoResponse,
        }
    }
}

/// The statuses do not tell: Nomad says the same with 403, 404 and 500. The texts do.
fn classify(answer: Result<Response<Bytes>, ApiError>, path: &str) -> ApiOutcome<Response<Bytes>> {
    let answer = match answer {
        Ok(answer) if answer.status() == StatusCode::OK => return ApiOutcome::Found(answer),
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(path, error = &error as &dyn std::error::Error, "no answer");
            return ApiOutcome::NoResponse;
        }
    };
    let text = String::from_utf8_lossy(answer.body());
    let text = text.trim();
    match answer.status() {
        StatusCode::NOT_FOUND => ApiOutcome::NotFound,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ApiOutcome::Denied,
        _ if text.ends_with("No path to region") => ApiOutcome::NoRegion,
        _ if text.contains("Permission denied") => ApiOutcome::Denied,
        _ if text.to_ascii_lowercase().contains("unknown allocation") => ApiOutcome::Denied,
        _ if text.contains("ACL token") || text.contains("UUID must be") => ApiOutcome::Denied,
        status => {
            tracing::debug!(path, %status, text, "an answer that says nothing");
            ApiOutcome::NoResponse
        }
    }
}

fn parse_body<T: DeserializeOwned>(answer: &Response<Bytes>) -> ApiOutcome<T> {
    match serde_json::from_slice(answer.body()) {
        Ok(value) => ApiOutcome::Found(value),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "an answer out of form");
            ApiOutcome::NoResponse
        }
    }
}
