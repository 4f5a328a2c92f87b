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

/// In whose name a question is asked: in the gateway's own, and in the caller's where that one may not know.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub(super) own: Option<SecretId>,
    pub(super) caller: Option<SecretId>,
}

impl Who {
    /// The tokens to ask with, one after the other; one question at least is asked.
    fn tokens(&self) -> impl Iterator<Item = Option<&SecretId>> {
        let caller = self.caller.as_ref().filter(|caller| Some(*caller) != self.own.as_ref());
        let nobody = self.own.is_none() && caller.is_none();
        let tokens = self.own.iter().chain(caller).map(Some);
        tokens.chain(nobody.then_some(None))
    }
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

    /// The same question with this token.
    const fn with<'b>(&self, token: Option<&'b SecretId>) -> Question<'b>
    where
        'a: 'b,
    {
        Question { path: self.path, region: self.region, token }
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

    /// Asks one server for a JSON document, in one name after the other.
    pub(super) async fn ask_one<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
        server: &Arc<Agent>,
        who: &Who,
    ) -> Verdict<T> {
        for token in who.tokens() {
            let Some(request) = self.with(token).request() else { return Verdict::Missing };
            let verdict = judged(api.ask(server, request).await, self.path);
            if !matches!(verdict, Verdict::Refused) {
                return verdict.and_then(|answer| parsed(&answer));
            }
        }
        Verdict::Refused
    }

    /// Asks any server, in one name after the other, and leaves the body as it is.
    pub(super) async fn ask_raw_as<C: Connect>(
        &self,
        api: &NomadApi<C>,
        who: &Who,
    ) -> Verdict<Response<Bytes>> {
        for token in who.tokens() {
            let verdict = self.with(token).ask_raw(api).await;
            if !matches!(verdict, Verdict::Refused) {
                return verdict;
            }
        }
        Verdict::Refused
    }

    /// Asks any server for a JSON document, in one name after the other.
    pub(super) async fn ask_as<T: DeserializeOwned, C: Connect>(
        &self,
        api: &NomadApi<C>,
        who: &Who,
    ) -> Verdict<T> {
        self.ask_raw_as(api, who).await.and_then(|answer| parsed(&answer))
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
