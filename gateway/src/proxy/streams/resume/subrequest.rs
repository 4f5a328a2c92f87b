//! Requests through the gateway's own stack, with the client's headers.

use std::{convert::Infallible, future::poll_fn, marker::PhantomData, pin::Pin};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE},
    uri::PathAndQuery,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Empty, combinators::UnsyncBoxBody};
use nomad_forward::{early_response::AwaitUpstreamStatus, forward::ForwardedFor};
use nomad_wire::Query;
use serde_json::Value;
use tower_service::Service;

use super::SubrequestBody;
use crate::proxy::streams::resume::stream_options::PARAM_PREFIX;

/// The longest JSON answer that is read: an allocation with the job in it, or the listing of a directory.
const MAX_RESPONSE: usize = 16 << 20;

/// The body of an answer, whoever gave it.
pub(super) type BoxedBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A value in a query, by its key.
pub(super) type QueryParam<'a> = (&'a str, &'a str);

/// Asks whatever the caller could have asked, and is decided about like the caller.
pub(super) struct SubrequestClient {
    service: Box<dyn DynService>,
    headers: HeaderMap,
    forwarded: Option<ForwardedFor>,
    region: Option<String>,
}

impl std::fmt::Debug for SubrequestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

impl Clone for SubrequestClient {
    fn clone(&self) -> Self {
        let Self { service, headers, forwarded, region } = self;
        Self {
            service: service.clone_box(),
            headers: headers.clone(),
            forwarded: forwarded.clone(),
            region: region.clone(),
        }
    }
}

impl SubrequestClient {
    /// Asks `chain` for whoever sent this request.
    pub(super) fn new<S, B, R>(chain: S, request: &Request<B>) -> Self
    where
        S: Service<Request<SubrequestBody<B>>, Response = Response<R>, Error = Infallible>,
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
        remove_accept_headers(&mut headers);
        let region =
            Query::from_uri(request.uri()).non_empty("region").map(|region| region.into_owned());
        let forwarded = request.extensions().get().cloned();
        let chain = Box::new(ErasedService { chain, body: PhantomData });
        Self { service: chain, headers, forwarded, region }
    }

    /// Asks for a path with these parameters; nothing when they make no request.
    pub(super) async fn send(
        &mut self,
        path: &str,
        parameters: &[QueryParam<'_>],
    ) -> Option<Response<BoxedBody>> {
        let region = self.region.as_deref().map(|region| ("region", region));
        let mut query = String::new();
        for (key, value) in parameters.iter().copied().chain(region) {
            query = Query::new(&query).with_param(key, value);
        }
        let uri = Uri::builder().path_and_query(format!("{path}?{query}")).build().ok()?;
        let mut request = Request::get(uri).body(Empty::new()).ok()?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(forwarded) = &self.forwarded {
            request.extensions_mut().insert(forwarded.clone());
        }
        // Whether there is a stream is for the agent to say, or a second try would take a fault for one.
        request.extensions_mut().insert(AwaitUpstreamStatus);
        Some(self.service.call(request).await)
    }

    /// Asks for JSON; nothing when there is none to be had.
    pub(super) async fn fetch_json(
        &mut self,
        path: &str,
        parameters: &[QueryParam<'_>],
    ) -> Option<Value> {
        let answer = self.send(path, parameters).await?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        parse_json(answer.into_body()).await
    }
}

/// The caller's own request, without what is ours in it, and with `changes` in its query.
pub(super) async fn send_original<S, B, R>(
    service: &mut S,
    mut request: Request<B>,
    changes: &[(&'static str, String)],
) -> Response<R>
where
    S: Service<Request<SubrequestBody<B>>, Response = Response<R>, Error = Infallible>,
{
    remove_accept_headers(request.headers_mut());
    request.extensions_mut().insert(AwaitUpstreamStatus);
    let mut query = without_gateway_params(&Query::from_uri(request.uri()));
    for (key, value) in changes {
        query = Query::new(&query).with_param(key, value);
    }
    if let Some(uri) = with_query(request.uri(), &query) {
        *request.uri_mut() = uri;
    }
    let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
    let Ok(answer) = service.call(request.map(Either::Left)).await;
    answer
}

/// The JSON of an answer; nothing when it is none.
pub(super) async fn parse_json(mut body: BoxedBody) -> Option<Value> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        text.extend_from_slice(&data);
        if text.len() > MAX_RESPONSE {
            return None;
        }
    }
    serde_json::from_slice(&text).ok()
}

/// A chain whose types do not matter any more.
trait DynService: Send {
    fn call(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Response<BoxedBody>> + Send>>;
    fn clone_box(&self) -> Box<dyn DynService>;
}

struct ErasedService<S, B> {
    chain: S,
    body: PhantomData<fn(B)>,
}

impl<S, B, R> DynService for ErasedService<S, B>
where
    S: Service<Request<SubrequestBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn call(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Response<BoxedBody>> + Send>> {
        let mut chain = self.chain.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|cx| chain.poll_ready(cx)).await;
            let Ok(answer) = chain.call(request.map(Either::Right)).await;
            answer.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    }

    fn clone_box(&self) -> Box<dyn DynService> {
        Box::new(Self { chain: self.chain.clone(), body: PhantomData })
    }
}

/// What is compressed cannot be looked into.
fn remove_accept_headers(headers: &mut HeaderMap) {
    headers.remove(ACCEPT);
    headers.remove(ACCEPT_ENCODING);
}

/// The query without the gateway's own parameters and without `plain`: the agent is asked for frames.
fn without_gateway_params(query: &Query<'_>) -> String {
    let is_ours = |pair: &&str| {
        let mut keys = Query::new(pair).pairs();
        keys.next().is_some_and(|(key, _)| key == "plain" || key.starts_with(PARAM_PREFIX))
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
        assert_eq!(without_gateway_params(&query), "task=a%2Fb&x");
    }
}
