//! The requested host, in one place for all layers.

use http::{HeaderValue, Request, Uri, header::HOST, uri::Authority};

/// Moves the authority of a URI to `Host`. It counts over a `Host` that came beside it (RFC 9112, section 3.2.2, and
/// RFC 9113, section 8.3.1).
pub(super) fn move_to_header<B>(request: &mut Request<B>) {
    let Some(host) = request.uri().authority().and_then(host_value) else { return };
    request.headers_mut().insert(HOST, host);
    // A CONNECT has an authority alone, and is refused as one.
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
}

/// Host and port.
fn host_value(authority: &Authority) -> Option<HeaderValue> {
    let text = authority.as_str();
    let (_, host) = text.rsplit_once('@').unwrap_or(("", text));
    HeaderValue::from_str(host).ok()
}
