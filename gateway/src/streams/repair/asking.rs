//! Questions through the chain, in the caller's name.

use std::{convert::Infallible, future::poll_fn, marker::PhantomData, pin::Pin};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE},
    uri::PathAndQuery,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Empty, combinators::UnsyncBoxBody};
use nomad_forward::{early::Patient, forward::ForwardedFor};
use nomad_wire::Query;
use serde_json::Value;
use tower_service::Service;

use super::{AskedBody, wish::PREFIX};

/// The longest JSON answer that is read: an allocation with the job in it, or the listing of a directory.
const MAX_ANSWER: usize = 16 << 20;

/// The body of an answer, whoever gave it.
pub(super) type AnyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A value in a query, by its key.
pub(super) type Parameter<'a> = (&'a str, &'a str);

/// Asks whatever the caller could have asked, and is decided about like the caller.
pub(super) struct Asking {
    chain: Box<dyn Chain>,
    headers: HeaderMap,
    forwarded: Option<ForwardedFor>,
    region: Option<String>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

impl Clone for Asking {
    fn clone(&self) -> Self {
        let Self { chain, headers, forwarded, region } = self;
        Self {
            chain: chain.another(),
            headers: headers.clone(),
            forwarded: forwarded.clone(),
            region: region.clone(),
        }
    }
}

impl Asking {
    /// Asks `chain` for whoever sent this request.
    pub(super) fn new<S, B, R>(chain: S, request: &Request<B>) -> Self
    where
        S: Service<Request<AskedBody<B>>, Response = Response<R>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: 'static,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut headers = request.headers().clone();
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE] {
            headers.remove(name);
        }
        readable(&mut headers);
        let region = Query::of(request.uri()).filled("region").map(|region| region.into_owned());
        let forwarded = request.extensions().get().cloned();
        let chain = Box::new(Through { chain, body: PhantomData });
        Self { chain, headers, forwarded, region }
    }

    /// Asks for a path with these parameters; nothing when they make no request.
    pub(super) async fn ask(
        &mut self,
        path: &str,
        parameters: &[Parameter<'_>],
    ) -> Option<Response<AnyBody>> {
        let region = self.region.as_deref().map(|region| ("region", region));
        let mut query = String::new();
        for (key, value) in parameters.iter().copied().chain(region) {
            query = Query::new(&query).with(key, value);
        }
        let uri = Uri::builder().path_and_query(format!("{path}?{query}")).build().ok()?;
        let mut request = Request::get(uri).body(Empty::new()).ok()?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(forwarded) = &self.forwarded {
            request.extensions_mut().insert(forwarded.clone());
        }
        // Whether there is a stream is for the agent to say, or a second try would take a fault for one.
        request.extensions_mut().insert(Patient);
        Some(self.chain.call(request).await)
    }

    /// Asks for JSON; nothing when there is none to be had.
    pub(super) async fn json(&mut self, path: &str, parameters: &[Parameter<'_>]) -> Option<Value> {
        let answer = self.ask(path, parameters).await?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        json(answer.into_body()).await
    }
}

/// The caller's own request, without what is ours in it, and with `changes` in its query.
pub(super) async fn first<S, B, R>(
    chain: &mut S,
    mut request: Request<B>,
    changes: &[(&'static str, String)],
) -> Response<R>
where
    S: Service<Request<AskedBody<B>>, Response = Response<R>, Error = Infallible>,
{
    readable(request.headers_mut());
    request.extensions_mut().insert(Patient);
    let mut query = without_ours(&Query::of(request.uri()));
    for (key, value) in changes {
        query = Query::new(&query).with(key, value);
    }
    if let Some(uri) = with_query(request.uri(), &query) {
        *request.uri_mut() = uri;
    }
    let Ok(()) = poll_fn(|cx| chain.poll_ready(cx)).await;
    let Ok(answer) = chain.call(request.map(Either::Left)).await;
    answer
}

/// The JSON of an answer; nothing when it is none.
pub(super) async fn json(mut body: AnyBody) -> Option<Value> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        text.extend_from_slice(&data);
        if text.len() > MAX_ANSWER {
            return None;
        }
    }
    serde_json::from_slice(&text).ok()
}

/// A chain whose types do not matter any more.
trait Chain: Send {
    fn call(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Response<AnyBody>> + Send>>;
    fn another(&self) -> Box<dyn Chain>;
}

struct Through<S, B> {
    chain: S,
    body: PhantomData<fn(B)>,
}

impl<S, B, R> Chain for Through<S, B>
where
    S: Service<Request<AskedBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn call(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Response<AnyBody>> + Send>> {
        let mut chain = self.chain.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|cx| chain.poll_ready(cx)).await;
            let Ok(answer) = chain.call(request.map(Either::Right)).await;
            answer.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    }

    fn another(&self) -> Box<dyn Chain> {
        Box::new(Self { chain: self.chain.clone(), body: PhantomData })
    }
}

/// What is compressed cannot be looked into.
fn readable(headers: &mut HeaderMap) {
    headers.remove(ACCEPT);
    headers.remove(ACCEPT_ENCODING);
}

/// The query without the gateway's own parameters and without `plain`: the agent is asked for frames.
fn without_ours(query: &Query<'_>) -> String {
    let is_ours = |pair: &&str| {
        let mut keys = Query::new(pair).pairs();
        keys.next().is_some_and(|(key, _)| key == "plain" || key.starts_with(PREFIX))
    };
    let kept = query.as_str().split('&').filter(|pair| !is_ours(pair));
    kept.collect::<Vec<_>>().join("&")
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path_and_query = PathAndQuery::try_from(format!("{}?{query}", uri.path())).ok()?;
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_does_not_go_on() {
        let query = Query::new("task=a%2Fb&gateway%5Funtil=dead&plain=true&x&gateway_resume=1");
        assert_eq!(without_ours(&query), "task=a%2Fb&x");
    }
}
