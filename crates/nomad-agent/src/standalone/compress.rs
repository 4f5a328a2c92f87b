//! Compresses responses by the rules of the library that Nomad uses.
//!
//! `Accept-Encoding` is read without weights: the first element that is exactly `gzip` or `deflate` counts. Then
//! every response is compressed, also errors and empty bodies, except when the client requests an upgrade.

use http::{HeaderMap, Response, StatusCode, header};

use crate::body::{Body, ContentCoding};

/// The content coding that the client accepts. Removes the header: no later service needs it.
pub(super) fn negotiate(headers: &mut HeaderMap) -> Option<ContentCoding> {
    if headers.contains_key(header::UPGRADE) {
        return None;
    }
    let packing = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|name| match name.trim() {
            "gzip" => Some(ContentCoding::Gzip),
            "deflate" => Some(ContentCoding::Deflate),
            _ => None,
        })?;
    headers.remove(header::ACCEPT_ENCODING);
    Some(packing)
}

/// Compresses a response.
pub(super) fn apply(packing: Option<ContentCoding>, response: Response<Body>) -> Response<Body> {
    // A response without a body, and an upgraded connection, stay as they are.
    let bare = matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::SWITCHING_PROTOCOLS
    );
    let Some(packing) = packing.filter(|_| !bare) else { return response };
    let mut response = response.map(|body| body.compress(packing));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, packing.name());
    headers.remove(header::CONTENT_LENGTH);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_exact_name_wins() {
        for (accepted, packing) in [
            ("gzip", Some(ContentCoding::Gzip)),
            ("br, gzip", Some(ContentCoding::Gzip)),
            ("deflate, gzip", Some(ContentCoding::Deflate)),
            ("gzip;q=1.0", None),
            ("gzip;q=1.0, deflate", Some(ContentCoding::Deflate)),
            ("GZIP", None),
            ("identity", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(negotiate(&mut headers), packing, "{accepted}");
            assert_eq!(headers.is_empty(), packing.is_some());
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            headers.insert(header::UPGRADE, "websocket".parse().unwrap());
            assert_eq!(negotiate(&mut headers), None);
        }
    }
}
