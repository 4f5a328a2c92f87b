//! What changes in the headers on the way: connection headers are this hop's own, all else is moved, not rebuilt.

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE},
};
use nomad_wire::header::{X_NOMAD_GATEWAY_AGENT, X_NOMAD_GATEWAY_PATH, deduplicate_token_headers};

use super::ForwardedFor;
use crate::{
    Agent,
    layers::{loop_detection, select::Path, upgrade::Upgradeable},
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is settled between two ends of one connection, beside what `Connection` lists.
const HOP_BY_HOP: [HeaderName; 5] = [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE];

/// The request as the agent gets it.
pub(crate) fn prepare_request<B>(mut request: Request<B>, agent: &Agent) -> Request<B> {
    let upgrade =
        request.extensions().get::<Upgradeable>().map(|_| upgrade_headers(request.headers()));
    strip_hop_by_hop(request.headers_mut());
    deduplicate_token_headers(request.headers_mut());
    request.headers_mut().extend(upgrade.into_iter().flatten());
    request.headers_mut().insert(HOST, agent.host().clone());
    loop_detection::add_via(request.headers_mut());
    if let Some(forwarded) = request.extensions().get::<ForwardedFor>().cloned() {
        forwarded.write(request.headers_mut());
    }
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    }
    request
}

/// The headers of a 101 as the caller gets them: this hop switches too, to the same protocol.
pub(super) fn prepare_switching_response(headers: &mut HeaderMap, agent: &Agent, path: Path) {
    let upgrade = upgrade_headers(headers);
    prepare_response(headers, agent, path);
    headers.extend(upgrade);
}

/// What an upgrade says hop by hop.
fn upgrade_headers(headers: &HeaderMap) -> [(HeaderName, HeaderValue); 2] {
    let protocol = headers.get(UPGRADE).cloned();
    let protocol = protocol.unwrap_or(HeaderValue::from_static("websocket"));
    [(CONNECTION, HeaderValue::from_static("Upgrade")), (UPGRADE, protocol)]
}

/// The answer's headers as the caller gets them.
pub(super) fn prepare_response(headers: &mut HeaderMap, agent: &Agent, path: Path) {
    normalize_content_length(headers);
    strip_hop_by_hop(headers);
    headers.insert(X_NOMAD_GATEWAY_AGENT, agent.name_header().clone());
    headers.insert(X_NOMAD_GATEWAY_PATH, HeaderValue::from_static(path.as_str()));
}

/// Leaves one length at most, and none where the body was framed in another way (RFC 9112 §6.3): whoever believes the one
/// that does not hold takes a part of the body for all of it. Lengths that contradict each other have ended the response
/// before.
fn normalize_content_length(headers: &mut HeaderMap) {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return };
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    } else if lengths.next().is_some() || first.as_bytes().contains(&b',') {
        let single = first.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
        if let Ok(single) = HeaderValue::from_bytes(single.trim_ascii()) {
            headers.insert(CONTENT_LENGTH, single);
        }
    }
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most heads have none of them, and comparing known names costs less than looking for absent ones.
    if !headers.keys().any(|name| *name == CONNECTION || HOP_BY_HOP.contains(name)) {
        return;
    }
    while let Some(named) = headers.remove(CONNECTION) {
        // What the sender listed is its own too, but `Connection: x-nomad-token` must not take the token away.
        for name in named.to_str().unwrap_or_default().split(',').map(str::trim) {
            if matches!(
                name.to_ascii_lowercase().as_str(),
                "keep-alive" | "te" | "upgrade" | "http2-settings"
            ) {
                headers.remove(name);
            }
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use nomad_wire::Region;

    use super::*;

    #[test]
    fn one_length_is_left_and_none_beside_another_framing() {
        let lengths = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            let mut headers: HeaderMap =
                pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
            normalize_content_length(&mut headers);
            let left = headers.get_all(CONTENT_LENGTH).iter();
            left.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let one = (CONTENT_LENGTH, "5");
        assert_eq!(lengths(std::slice::from_ref(&one)), ["5"]);
        assert_eq!(lengths(&[one.clone(), one.clone()]), ["5"]);
        assert_eq!(lengths(&[(CONTENT_LENGTH, "5, 5")]), ["5"]);
        assert!(lengths(&[one, (TRANSFER_ENCODING, "chunked")]).is_empty());
    }

    #[test]
    fn connection_headers_end_here_and_the_token_goes_on() {
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c".parse().unwrap();
        let agent = Agent::client(
            "client1",
            id,
            Region::default(),
            crate::Endpoint::host("127.0.0.1", 4647),
        )
        .unwrap();
        let request = Request::get("http://gateway:4646/v1/agent/self?pretty")
            .header("connection", "keep-alive, X-Nomad-Token, upgrade")
            .header("upgrade", "websocket")
            .header("x-nomad-token", "secret")
            .header("x-nomad-token", "")
            .header("x-nomad-token", "secret")
            .header("transfer-encoding", "chunked")
            .header("host", "gateway:4646")
            .body(())
            .unwrap();
        let request = prepare_request(request, &agent);
        assert_eq!(request.uri(), "/v1/agent/self?pretty");
        assert_eq!(request.headers()["host"], "127.0.0.1:4647");
        assert_eq!(request.headers()["x-nomad-token"], "secret");
        assert_eq!(request.headers().len(), 3);
    }
    #[test]
    fn an_agent_is_told_whom_a_request_is_for_only_when_that_is_known() {
        let endpoint = crate::Endpoint::host("127.0.0.1", 4647);
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c".parse().unwrap();
        let agent = Agent::client("client1", id, Region::default(), endpoint).unwrap();
        let request = || Request::get("/v1/jobs").header("x-forwarded-for", "192.0.2.9");
        let untold = prepare_request(request().body(()).unwrap(), &agent);
        assert_eq!(untold.headers()["x-forwarded-for"], "192.0.2.9");
        assert!(!untold.headers().contains_key("forwarded"));
        let peer = "192.0.2.1:4711".parse().unwrap();
        let forwarded = ForwardedFor::new(peer, crate::Transport::Plain);
        let told = prepare_request(request().extension(forwarded).body(()).unwrap(), &agent);
        assert_eq!(told.headers()["x-forwarded-for"], "192.0.2.1");
        assert_eq!(told.headers()["forwarded"], "for=192.0.2.1;proto=http");
    }
}
