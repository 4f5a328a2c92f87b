//! Whom a request is forwarded for, and how its upstream agent is told: `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`
//! and `Forwarded` (RFC 7239).
//!
//! Nothing is told unless a request has a [`ForwardedFor`] among its extensions: this crate knows neither sockets of clients nor
//! which proxies are trusted. Without one these headers pass as they came.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use crate::Transport;

/// The client, and the proxies after it.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What the client speaks: `http` or `https`.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client named.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// All of them.
const HEADERS: [HeaderName; 4] = [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST];

/// Whom a request is forwarded for. Among its extensions it replaces what the request itself says about that.
///
/// The texts are made with it, so that one for each connection serves all of its requests: a clone allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedFor {
    peer: SocketAddr,
    client: IpAddr,
    transport: Transport,
    addresses: HeaderValue,
    elements: HeaderValue,
    host: Option<HeaderValue>,
}

impl ForwardedFor {
    /// The client is at the other end of the connection, and speaks this.
    #[must_use]
    pub fn new(peer: SocketAddr, transport: Transport) -> Self {
        Self::through(peer, &[], transport)
    }

    /// The first of `hops` is the client; the others, and then `peer`, are proxies after it. Without any the peer is the
    /// client.
    #[must_use]
    pub fn through(peer: SocketAddr, hops: &[IpAddr], transport: Transport) -> Self {
        let all = || hops.iter().copied().chain([peer.ip()]).map(|ip| ip.to_canonical());
        let (mut addresses, mut elements) = (String::new(), String::new());
        for (number, ip) in all().enumerate() {
            let (comma, proto) =
                if number == 0 { ("", proto(transport)) } else { (", ", String::new()) };
            // Writing to a text cannot fail.
            let _ok = write!(addresses, "{comma}{ip}");
            let _ok = match ip {
                IpAddr::V4(ip) => write!(elements, "{comma}for={ip}{proto}"),
                IpAddr::V6(ip) => write!(elements, "{comma}for=\"[{ip}]\"{proto}"),
            };
        }
        let client = hops.first().copied().unwrap_or_else(|| peer.ip()).to_canonical();
        let (addresses, elements) = (value(addresses), value(elements));
        Self { peer, client, transport, addresses, elements, host: None }
    }

    /// The host that the client named. It is told in `X-Forwarded-Host` alone, since it may differ with each request.
    pub fn set_host(&mut self, host: Option<HeaderValue>) {
        self.host = host;
    }

    /// The address of the client. An IPv4 address in the form of IPv6 is an IPv4 address.
    #[must_use]
    pub const fn client(&self) -> IpAddr {
        self.client
    }

    /// The other end of the connection that the request came over.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the client speaks.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Writes all of them, in place of what stands there.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(X_FORWARDED_FOR, self.addresses.clone());
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme(self.transport)));
        headers.insert(FORWARDED, self.elements.clone());
        match &self.host {
            Some(host) => drop(headers.insert(X_FORWARDED_HOST, host.clone())),
            None => drop(headers.remove(X_FORWARDED_HOST)),
        }
    }
}

/// Removes all of them.
pub fn remove(headers: &mut HeaderMap) {
    for name in &HEADERS {
        headers.remove(name);
    }
}

const fn scheme(transport: Transport) -> &'static str {
    match transport {
        Transport::Tls => "https",
        Transport::Plain => "http",
    }
}

fn proto(transport: Transport) -> String {
    format!(";proto={}", scheme(transport))
}

/// Digits, dots and colons are always a value.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(forwarded: &ForwardedFor) -> [Option<String>; 4] {
        let mut headers = HeaderMap::new();
        for name in &HEADERS {
            headers.append(name, HeaderValue::from_static("made up"));
            headers.append(name, HeaderValue::from_static("twice"));
        }
        forwarded.write(&mut headers);
        HEADERS.map(|name| {
            assert!(headers.get_all(&name).iter().count() <= 1);
            headers.get(&name).map(|value| value.to_str().unwrap().to_owned())
        })
    }

    #[test]
    fn a_client_without_a_proxy_is_told_alone() {
        let mut forwarded =
            ForwardedFor::new("[2001:db8::7]:4711".parse().unwrap(), Transport::Tls);
        let text = |text: &str| Some(text.to_owned());
        let element = text("for=\"[2001:db8::7]\";proto=https");
        assert_eq!(
            written(&forwarded),
            [element.clone(), text("2001:db8::7"), text("https"), None]
        );
        forwarded.set_host(Some(HeaderValue::from_static("gateway:4646")));
        let all = [element, text("2001:db8::7"), text("https"), text("gateway:4646")];
        assert_eq!(written(&forwarded), all);
    }

    #[test]
    fn proxies_stand_after_the_client_and_mapped_addresses_are_what_they_mean() {
        let hops = ["192.0.2.1".parse().unwrap(), "::ffff:10.0.0.1".parse().unwrap()];
        let peer = "[::ffff:10.0.0.2]:80".parse().unwrap();
        let forwarded = ForwardedFor::through(peer, &hops, Transport::Plain);
        assert_eq!((forwarded.client(), forwarded.peer()), (hops[0], peer));
        let [elements, addresses, proto, host] = written(&forwarded).map(Option::unwrap_or_default);
        assert_eq!(elements, "for=192.0.2.1;proto=http, for=10.0.0.1, for=10.0.0.2");
        assert_eq!((&*addresses, &*proto), ("192.0.2.1, 10.0.0.1, 10.0.0.2", "http"));
        assert!(host.is_empty());
    }
}
