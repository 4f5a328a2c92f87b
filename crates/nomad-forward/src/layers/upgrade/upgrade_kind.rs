//! What a request wants of the tunnel.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{
        CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use nomad_wire::{Query, Route, header, spec::RouteClass};
use sha1::{Digest as _, Sha1};

use super::watch;

/// What servers of websockets append to the key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The parameter that announces a token in the first message.
pub(super) const HANDSHAKE_PARAM: &str = "ws_handshake";

/// What a request wants.
#[derive(Debug)]
pub(super) enum UpgradeKind {
    /// An ordinary answer.
    None,
    /// A websocket, for a page of another site.
    CrossOrigin,
    /// An upgrade that can be decided about at once.
    Passthrough {
        /// The value of `Sec-WebSocket-Accept` for a call whose refusals are close frames.
        accept: Option<HeaderValue>,
    },
    /// A websocket whose token comes in its first message.
    Handshake {
        /// The value of `Sec-WebSocket-Accept`.
        accept: HeaderValue,
    },
    /// A read whose answer comes in one message.
    Watch {
        /// The value of `Sec-WebSocket-Accept`.
        accept: HeaderValue,
        /// The token comes in the first message.
        token_in_message: bool,
    },
}

impl UpgradeKind {
    /// Reads it from a request. A wish that is granted takes `Origin` away: it names this gateway, and an agent would
    /// compare it with its own address.
    pub(super) fn from_request<B>(request: &mut Request<B>) -> Self {
        if !request.headers().contains_key(UPGRADE) || !is_upgrade(request) {
            return Self::None;
        }
        let Ok(route) = Route::parse(request.method(), request.uri()) else { return Self::None };
        let is_exec = match route.spec().class {
            RouteClass::Upgrade => true,
            RouteClass::Pass => is_job_action(&Route::decoded_path(request.uri())),
            RouteClass::Read
            | RouteClass::SlowRead
            | RouteClass::Profile
            | RouteClass::Change
            | RouteClass::Stream(_) => return Self::None,
        };
        if !is_same_origin(request.headers()) {
            return Self::CrossOrigin;
        }
        request.headers_mut().remove(ORIGIN);
        match websocket_accept(request.headers()) {
            Some(accept) if is_exec && is_handshake(request) => {
                // These are settled with whoever answers 101, which is not the agent.
                request.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
                request.headers_mut().remove(SEC_WEBSOCKET_PROTOCOL);
                Self::Handshake { accept }
            }
            Some(accept) if !is_exec && is_watch(request) => {
                Self::Watch { accept, token_in_message: is_handshake(request) }
            }
            accept => Self::Passthrough { accept: accept.filter(|_| is_exec) },
        }
    }
}

fn is_upgrade<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && names(request.headers(), &CONNECTION, "upgrade")
        && names(request.headers(), &UPGRADE, "websocket")
}

/// Whether a header's list has this word.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// Whether every `Origin` is the host that was asked. Programs send none.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    headers.get_all(ORIGIN).into_iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.as_ref().and_then(Uri::authority).is_some_and(|origin| origin == host)
    })
}

/// Whether it is a read that ends with its answer. With two tokens the server compares them.
fn is_watch<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    names(request.headers(), &SEC_WEBSOCKET_PROTOCOL, watch::PROTOCOL)
        && path.starts_with("/v1/")
        && path != "/v1/event/stream"
        && (!announces_handshake(request) || is_handshake(request))
}

/// Whether the client says that its token comes in the first message of a websocket.
pub fn announces_handshake<B>(request: &Request<B>) -> bool {
    let asked = Query::from_uri(request.uri());
    // The spellings of true that Go's parser takes.
    asked
        .non_empty(HANDSHAKE_PARAM)
        .is_some_and(|value| matches!(&*value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// Whether the token comes in the first message.
fn is_handshake<B>(request: &Request<B>) -> bool {
    announces_handshake(request) && matches!(header::token(request.headers()), Ok(None))
}

/// `Sec-WebSocket-Accept`; nothing when the request opens no websocket (RFC 6455, section 4.2.1).
fn websocket_accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let version = headers.get(SEC_WEBSOCKET_VERSION)?;
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| version == "13")?;
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    HeaderValue::try_from(BASE64_STANDARD.encode(digest)).ok()
}

/// `/v1/job/:job/action`
fn is_job_action(path: &str) -> bool {
    path.strip_prefix("/v1/job/").is_some_and(|rest| rest.ends_with("/action"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: &str = "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/exec";

    fn wish(path: &str, headers: &[(&'static str, &'static str)]) -> UpgradeKind {
        let mut request = Request::get(path)
            .header("host", "gateway:4646")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        UpgradeKind::from_request(&mut request.body(()).unwrap())
    }

    const WEBSOCKET: [(&str, &str); 2] =
        [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];

    #[test]
    fn a_token_that_comes_later_is_waited_for() {
        let UpgradeKind::Handshake { accept } =
            wish(&format!("{EXEC}?ws_handshake=true"), &WEBSOCKET)
        else {
            panic!("no handshake")
        };
        // The example of RFC 6455, section 1.3.
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for path in ["/v1/job/web/action", "/v1/job/a%2F%2Fb%2Faction", "/v1/jo%62/web/actio%6E"] {
            let action = format!("{path}?allocID=x&ws_handshake=true");
            assert!(matches!(wish(&action, &WEBSOCKET), UpgradeKind::Handshake { .. }), "{path}");
        }
    }

    #[test]
    fn a_token_that_is_here_is_decided_about_at_once() {
        let with_token = [WEBSOCKET[0], WEBSOCKET[1], ("x-nomad-token", "secret")];
        let path = format!("{EXEC}?ws_handshake=true");
        let by_frame = |wish| matches!(wish, UpgradeKind::Passthrough { accept: Some(_) });
        assert!(by_frame(wish(&path, &with_token)));
        assert!(by_frame(wish(EXEC, &WEBSOCKET)));
        assert!(by_frame(wish(&format!("{EXEC}?ws_handshake=false"), &WEBSOCKET)));
        assert!(by_frame(wish("/v1/job/web/action?allocID=x", &WEBSOCKET)));
        assert!(matches!(wish("/v1/jobs", &WEBSOCKET), UpgradeKind::Passthrough { accept: None }));
        let other_version = [WEBSOCKET[0], WEBSOCKET[1], ("sec-websocket-version", "8")];
        assert!(matches!(
            wish("/v1/jobs", &other_version),
            UpgradeKind::Passthrough { accept: None }
        ));
    }

    #[test]
    fn a_watching_page_is_distinguished_from_other_websockets() {
        let watcher = [WEBSOCKET[0], WEBSOCKET[1], ("sec-websocket-protocol", "nomad-watcher")];
        let watched = |path: &str| match wish(path, &watcher) {
            UpgradeKind::Watch { token_in_message: has_late_token, .. } => Some(has_late_token),
            _ => None,
        };
        assert_eq!(watched("/v1/jobs?index=7"), Some(false));
        assert_eq!(watched("/v1/jobs?index=7&ws_handshake=true"), Some(true));
        assert_eq!(watched(EXEC), None);
        assert_eq!(watched("/v1/job/web/action"), None);
        assert_eq!(watched("/v1/event/stream"), None);
        assert_eq!(watched("/ui/jobs"), None);
        let with_token = [watcher[0], watcher[1], watcher[2], ("x-nomad-token", "secret")];
        assert!(matches!(
            wish("/v1/jobs", &with_token),
            UpgradeKind::Watch { token_in_message: false, .. }
        ));
        assert!(matches!(
            wish("/v1/jobs?ws_handshake=1", &with_token),
            UpgradeKind::Passthrough { .. }
        ));
    }

    #[test]
    fn agent_calls_are_not_upgraded_and_other_sites_are_refused() {
        assert!(matches!(wish("/v1/agent/self", &WEBSOCKET), UpgradeKind::None));
        assert!(matches!(wish(EXEC, &WEBSOCKET[..1]), UpgradeKind::None));
        let from = |origin| [WEBSOCKET[0], WEBSOCKET[1], ("origin", origin)];
        assert!(matches!(
            wish(EXEC, &from("https://gateway:4646")),
            UpgradeKind::Passthrough { .. }
        ));
        assert!(matches!(wish(EXEC, &from("https://elsewhere:4646")), UpgradeKind::CrossOrigin));
        assert!(matches!(wish(EXEC, &from("null")), UpgradeKind::CrossOrigin));
    }
}
