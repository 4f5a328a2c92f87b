//! Safe requests that may be sent again: what one server broke off before it responded, another can serve.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body;
use nomad_wire::call::CallClass;

use super::ForwardedFor;
use crate::layers::upstream_body::UpstreamBody;

/// The head of a read, kept until its answer begins. A read has no body, so that this is all of it.
#[derive(Debug)]
pub(super) struct Retry {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    forwarded: Option<ForwardedFor>,
}

impl Retry {
    /// A copy of a request that changes nothing and has no body; nothing of any other.
    pub(super) fn from_request<B>(
        class: CallClass,
        request: &Request<UpstreamBody<B>>,
    ) -> Option<Self>
    where
        UpstreamBody<B>: Body<Data = Bytes>,
    {
        let is_repeatable = class.is_repeatable()
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && request.body().is_end_stream();
        is_repeatable.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            forwarded: request.extensions().get().cloned(),
        })
    }

    /// The request once more. Once only: what breaks two servers had better not be shown to a third.
    pub(super) fn into_request<B>(self) -> Request<UpstreamBody<B>> {
        let mut request = Request::new(UpstreamBody::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        if let Some(forwarded) = self.forwarded {
            request.extensions_mut().insert(forwarded);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{Empty, Full};
    use nomad_wire::Call;

    use super::*;
    use crate::Transport;

    fn copied<B>(method: Method, uri: &'static str, body: B) -> Option<Retry>
    where
        B: Body<Data = Bytes, Error = Infallible> + Unpin,
    {
        let uri = Uri::from_static(uri);
        let class = Call::parse(&method, &uri).unwrap().class(&method, &uri, false);
        let mut request = Request::new(UpstreamBody::buffered(body));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        request.headers_mut().insert("x-nomad-token", http::HeaderValue::from_static("a"));
        let peer = ([192, 0, 2, 1], 4711).into();
        request.extensions_mut().insert(ForwardedFor::new(peer, Transport::Plain));
        Retry::from_request(class, &request)
    }

    #[test]
    fn a_read_is_copied_whole() {
        let again = copied(Method::GET, "/v1/jobs?prefix=a", Empty::<Bytes>::new()).unwrap();
        let request: Request<UpstreamBody<Full<Bytes>>> = again.into_request();
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::GET, "/v1/jobs?prefix=a".into())
        );
        assert_eq!(request.headers()["x-nomad-token"], "a");
        assert!(request.extensions().get::<ForwardedFor>().is_some());
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
            "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/exec",
        ] {
            assert!(copied(Method::GET, uri, nothing()).is_none(), "{uri}");
        }
    }
}
