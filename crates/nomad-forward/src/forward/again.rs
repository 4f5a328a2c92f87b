//! Reads that may be asked again: what one server broke off before it answered, another can still answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, Method, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use nomad_wire::{AllocCall, Route};
use pin_project::pin_project;

use crate::tunnel::Upgradeable;

/// The head of a read, kept until its answer begins. A read has no body, so that this is all of it.
#[derive(Debug)]
pub(super) struct Again {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Again {
    /// A copy of a request that changes nothing and has no body; nothing of any other.
    pub(super) fn of<B: Body>(route: &Route, request: &Request<Outgoing<B>>) -> Option<Self> {
        let is_repeatable = is_read(route, request.method())
            && request.body().is_end_stream()
            && request.extensions().get::<Upgradeable>().is_none();
        is_repeatable.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    /// The request once more. Once only: what breaks two servers had better not be shown to a third.
    pub(super) fn into_request<B>(self) -> Request<Outgoing<B>> {
        let mut request = Request::new(Outgoing(None));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Whether the call changes nothing. Nomad's garbage collection answers to GET as well.
const fn is_read(route: &Route, method: &Method) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    match route {
        Route::Members
        | Route::Servers
        | Route::SelfInfo
        | Route::Health
        | Route::Host
        | Route::Monitor
        | Route::MonitorExport
        | Route::Pprof(_)
        | Route::Schedulers
        | Route::SchedulersConfig
        | Route::ClientStats
        | Route::Metadata
        | Route::Identity
        | Route::Fs(..)
        | Route::Pass
        | Route::Allocation(
            AllocCall::Stats | AllocCall::Checks | AllocCall::Pause | AllocCall::Snapshot,
            _,
        ) => true,
        Route::SetServers
        | Route::Join
        | Route::ForceLeave
        | Route::SetSchedulersConfig
        | Route::Keyring(_)
        | Route::Reload
        | Route::ClientGc
        | Route::SetMetadata
        | Route::RenewIdentity
        | Route::Allocation(
            AllocCall::Restart
            | AllocCall::Signal
            | AllocCall::Gc
            | AllocCall::SetPause
            | AllocCall::Exec,
            _,
        ) => false,
    }
}

/// The body of a request on its way: the caller's own, or the empty one of a read that is asked again.
#[pin_project]
#[derive(Debug, Clone)]
pub struct Outgoing<B>(#[pin] Option<B>);

impl<B> Outgoing<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self(Some(body))
    }
}

impl<B: Body> Body for Outgoing<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().0.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};

    use super::*;

    type Bytes = bytes::Bytes;

    fn copied<B: Body>(method: Method, uri: &'static str, body: B) -> Option<Again> {
        let uri = Uri::from_static(uri);
        let route = Route::parse(&method, &uri).unwrap();
        let mut request = Request::new(Outgoing::new(body));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        request.headers_mut().insert("x-nomad-token", http::HeaderValue::from_static("a"));
        Again::of(&route, &request)
    }

    #[test]
    fn a_read_is_copied_whole() {
        let again = copied(Method::GET, "/v1/jobs?prefix=a", Empty::<Bytes>::new()).unwrap();
        let request: Request<Outgoing<Full<Bytes>>> = again.into_request();
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::GET, "/v1/jobs?prefix=a".into())
        );
        assert_eq!(request.headers()["x-nomad-token"], "a");
        assert!(request.body().is_end_stream());
        assert_eq!(request.body().size_hint().exact(), Some(0));
    }

    #[test]
    fn what_may_change_something_is_not() {
        let nothing = Empty::<Bytes>::new;
        assert!(copied(Method::POST, "/v1/jobs", nothing()).is_none());
        assert!(copied(Method::GET, "/v1/jobs", Full::<Bytes>::from("{}")).is_none());
        for uri in [
            "/v1/client/gc",
            "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/gc",
            "/v1/agent/keyring/list",
            "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/exec",
        ] {
            assert!(copied(Method::GET, uri, nothing()).is_none(), "{uri}");
        }
    }
}
