//! Gives an HTTP/2 request the form of an HTTP/1.1 one, so that no layer has to know both.

use http::{HeaderMap, HeaderValue, Request, header::COOKIE};

use crate::server::listener::host;

/// Moves the authority to `Host`, and joins cookies.
pub(super) fn normalize<B>(request: &mut Request<B>) {
    host::move_to_header(request);
    join_cookies(request.headers_mut());
}

/// HTTP/2 may send each cookie by itself; HTTP/1.1 knows one header with all of them (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    let (Some(first), Some(_)) = (cookies.next(), cookies.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for cookie in headers.get_all(COOKIE).iter().skip(1) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(cookie.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_http_2_takes_the_form_of_http_1() {
        let mut request = Request::get("https://user@gateway:4646/v1/agent/self?pretty")
            .header("host", "elsewhere")
            .header("cookie", "a=1")
            .header("cookie", "b=2; c=3")
            .header("cookie", "d=4")
            .body(())
            .unwrap();
        normalize(&mut request);
        assert_eq!(request.uri(), "/v1/agent/self?pretty");
        assert_eq!(request.headers()["host"], "gateway:4646");
        let cookies: Vec<_> = request.headers().get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
    }

    #[test]
    fn what_has_that_form_already_stays() {
        let mut request = Request::get("/v1/jobs")
            .header("host", "gateway")
            .header("cookie", "a=1")
            .body(())
            .unwrap();
        normalize(&mut request);
        assert_eq!(request.uri(), "/v1/jobs");
        assert_eq!(
            (&request.headers()["host"], &request.headers()["cookie"]),
            (&HeaderValue::from_static("gateway"), &HeaderValue::from_static("a=1"))
        );
        let mut request =
            Request::builder().method("CONNECT").uri("gateway:4646").body(()).unwrap();
        normalize(&mut request);
        assert_eq!(request.uri(), "gateway:4646");
    }
}
