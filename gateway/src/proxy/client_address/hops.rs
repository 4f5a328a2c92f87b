//! The hops that trusted proxies report.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED, uri::Authority};
use nomad_forward::{
    Transport,
    forward::forwarded::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO},
};

use super::{TrustedProxies, forwarded, lines};

/// So many hops are looked at, from the right. Nobody has as many trusted proxies in a row.
const MAX_HOPS: usize = 32;

/// What is said, as far as it can be believed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The client first, then the trusted proxies after it, without the last one, which is the peer. Nothing where the
    /// peer's own client is not known.
    pub(super) hops: Vec<IpAddr>,
    pub(super) transport: Option<Transport>,
    pub(super) host: Option<HeaderValue>,
}

/// One hop: whom a proxy had its request from, if it knows, and what was said there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) from: Option<IpAddr>,
    pub(super) transport: Option<Transport>,
    pub(super) host: Option<HeaderValue>,
}

impl Said {
    /// What these headers say, where the peer is a trusted proxy.
    ///
    /// Where there are both kinds of headers and they name different clients, a proxy has passed one of them through as its client wrote
    /// it; which one cannot be known, and neither is believed.
    pub(super) fn by(headers: &HeaderMap, peer: IpAddr, trusted: &TrustedProxies) -> Self {
        let has_elements = headers.contains_key(FORWARDED);
        let elements = Self::through(forwarded::hops(headers), trusted);
        if !headers.contains_key(X_FORWARDED_FOR) && has_elements {
            return elements;
        }
        let addresses = Self::through(addresses(headers), trusted);
        let client = |said: &Self| said.hops.first().copied().unwrap_or(peer);
        if has_elements && client(&addresses) != client(&elements) {
            return Self::default();
        }
        let transport = only(headers, &X_FORWARDED_PROTO).and_then(transport);
        let host = only(headers, &X_FORWARDED_HOST).and_then(host);
        Self { transport, host, ..addresses }
    }

    /// Goes from right to left for as long as those who speak are believed. What the last of them says of its client's
    /// protocol and host counts.
    fn through(hops: impl Iterator<Item = Hop>, trusted: &TrustedProxies) -> Self {
        let mut said = Self::default();
        for hop in hops.take(MAX_HOPS) {
            let Some(from) = hop.from else { break };
            said.hops.push(from);
            (said.transport, said.host) = (hop.transport, hop.host);
            if !trusted.contains(from) {
                break;
            }
        }
        said.hops.reverse();
        said
    }
}

/// The addresses of `X-Forwarded-For`, from the right.
fn addresses(headers: &HeaderMap) -> impl Iterator<Item = Hop> + '_ {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let items = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    items.map(|item| Hop { from: str::from_utf8(item).ok().and_then(address), ..Hop::default() })
}

/// An address, with a port or without. `unknown` and names are none.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    // With a scope it says something only where it was written.
    if text.contains('%') {
        return None;
    }
    // A port that is hidden is none the less a port.
    let text = text.rsplit_once(":_").map_or(text, |(ip, _)| ip);
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    let ip = text.parse::<IpAddr>().ok();
    let ip = ip.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.or_else(|| bare().map(IpAddr::V6)).map(|ip| ip.to_canonical())
}

pub(super) fn transport(text: &str) -> Option<Transport> {
    if text.eq_ignore_ascii_case("https") {
        Some(Transport::Tls)
    } else if text.eq_ignore_ascii_case("http") {
        Some(Transport::Plain)
    } else {
        None
    }
}

/// A host with or without a port.
pub(super) fn host(text: &str) -> Option<HeaderValue> {
    let authority = text.parse::<Authority>().ok()?;
    if authority.as_str().contains('@') { None } else { HeaderValue::from_str(text).ok() }
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    (lines(headers, name) == 1).then(|| text.trim_matches([' ', '\t']))
}
