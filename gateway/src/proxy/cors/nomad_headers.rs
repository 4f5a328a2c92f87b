//! Nomad's own CORS headers, for responses that no agent gave.
//!
//! A page that may read what an agent says may read why it was refused, too, and a cache keeps both apart in the same way.
//! Which calls have rules is Nomad's choice ([`CrossOrigin`]).

use http::{
    HeaderMap, HeaderValue, Request,
    header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY},
};
use nomad_wire::{CrossOrigin, Route};

/// What is said of the answers to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NomadHeaders {
    /// The gateway's own calls have none.
    Gateway,
    /// The answer may be compressed.
    Plain,
    /// Pages of every site may ask for it, and one did if so.
    AnyOrigin { is_asked: bool },
}

impl NomadHeaders {
    pub(super) fn from_request<B>(request: &Request<B>) -> Self {
        let path = Route::decoded_path(request.uri());
        if path.starts_with("/v1/gateway/") {
            return Self::Gateway;
        }
        CrossOrigin::for_path(&path).map_or(Self::Plain, |rules| Self::AnyOrigin {
            is_asked: request.headers().contains_key(ORIGIN) && rules.allows(request.method()),
        })
    }

    /// Says what is not said yet.
    pub(super) fn add_missing(self, headers: &mut HeaderMap) {
        if self == Self::Gateway {
            return;
        }
        add_vary(headers, "Accept-Encoding");
        if let Self::AnyOrigin { is_asked } = self {
            add_vary(headers, "Origin");
            if is_asked && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }

    /// The same where somebody else says which pages may.
    pub(super) fn add_missing_vary(self, headers: &mut HeaderMap) {
        if self != Self::Gateway {
            add_vary(headers, "Accept-Encoding");
        }
    }
}

/// Adds a name to `Vary` unless it stands there.
pub(super) fn add_vary(headers: &mut HeaderMap, name: &'static str) {
    let values = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
    let mut names = values.flat_map(|value| value.split(','));
    if !names.any(|said| said.trim().eq_ignore_ascii_case(name)) {
        headers.append(VARY, HeaderValue::from_static(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of an answer that says nothing: the names in `Vary`, and the origin that may read.
    fn added_headers(method: &str, path: &str, origin: Option<&str>) -> (String, Option<String>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let mut headers = HeaderMap::new();
        let rules = NomadHeaders::from_request(&request.body(()).unwrap());
        rules.add_missing(&mut headers);
        let before = headers.clone();
        rules.add_missing(&mut headers);
        assert_eq!(headers, before, "it is said once");
        let names: Vec<_> =
            headers.get_all(VARY).iter().map(|value| value.to_str().unwrap()).collect();
        let origin = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
        (names.join(", "), origin.map(|origin| origin.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_rules_are_those_of_nomads_agents() {
        let (page, any) = (Some("https://ui.example"), Some("*".to_owned()));
        for path in [
            "/v1/client/fs/logs/x",
            "/v1/client/stats?node_id=x",
            "/v1/clien%74/stats",
            "/v1/client/allocation/x/stats",
            "/v1/client/metadata",
            "/v1/client/identity",
            "/v1/client/identity/renew",
            "/v1/vars",
            "/v1/var/a/b",
        ] {
            let vary = "Accept-Encoding, Origin".to_owned();
            assert_eq!(added_headers("GET", path, page), (vary.clone(), any.clone()), "{path}");
            assert_eq!(added_headers("GET", path, None), (vary.clone(), None), "{path}");
            let writes = if path.starts_with("/v1/var/") { any.clone() } else { None };
            assert_eq!(added_headers("PUT", path, page), (vary, writes), "{path}");
        }
        for path in ["/v1/client/gc", "/v1/agent/self", "/v1/jobs", "/ui/", "/v1/client/other"] {
            assert_eq!(
                added_headers("GET", path, page),
                ("Accept-Encoding".to_owned(), None),
                "{path}"
            );
        }
        assert_eq!(added_headers("GET", "/v1/gateway/health", page), (String::new(), None));
    }
}
