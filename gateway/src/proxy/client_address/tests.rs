use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue};
use nomad_forward::Transport;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Gives back what it finds among the extensions, and what is left of the headers.
struct Found;

impl Service<Request<()>> for Found {
    type Response = (ForwardedFor, HeaderMap);
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let found = request.extensions().get().cloned();
        ready(Ok((found.unwrap(), request.into_parts().0.headers)))
    }
}

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "::1/128", "fd00::/8"];
const PEER: &str = "10.0.0.1:4711";

fn found(request: Request<()>) -> ForwardedFor {
    let trusted = TrustedProxies::parse(TRUSTED).unwrap();
    let mut service = ClientAddress::new(Found, trusted);
    let (found, headers) = service.call(request).now_or_never().unwrap().unwrap();
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    found
}

fn request(peer: &str, headers: &[(&'static str, &str)]) -> Request<()> {
    let peer = ForwardedFor::new(peer.parse().unwrap(), Transport::Plain);
    let mut request = Request::get("/v1/jobs").header("host", "gateway").extension(peer);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
    found(request(peer, headers)).client().to_string()
}

/// What an agent would be told: the way, protocol and host.
fn expected(peer: &str, hops: &[&str], transport: Transport, host: &str) -> ForwardedFor {
    let hops: Vec<_> = hops.iter().map(|hop| hop.parse().unwrap()).collect();
    let mut expected = ForwardedFor::through(peer.parse().unwrap(), &hops, transport);
    expected.set_host(Some(HeaderValue::from_str(host).unwrap()));
    expected
}

#[test]
fn nobody_but_a_trusted_proxy_is_believed() {
    for peer in ["192.0.2.7:1", "[2001:db8::7]:1"] {
        let made_up = [
            ("x-forwarded-for", "10.0.0.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "elsewhere"),
            ("forwarded", "for=10.0.0.9;proto=https;host=elsewhere"),
        ];
        assert_eq!(
            found(request(peer, &made_up)),
            expected(peer, &[], Transport::Plain, "gateway")
        );
    }
}

#[test]
fn a_connection_for_an_unnamed_client_is_believed_nothing() {
    let mut request = request(PEER, &[("x-forwarded-for", "192.0.2.9")]);
    request.extensions_mut().insert(UnnamedClient);
    assert_eq!(found(request), expected(PEER, &[], Transport::Plain, "gateway"));
}

#[test]
fn the_client_is_the_rightmost_address_that_is_not_trusted() {
    for (said, who) in [
        ("192.0.2.9", "192.0.2.9"),
        ("1.1.1.1, 192.0.2.9", "192.0.2.9"),
        ("1.1.1.1,192.0.2.9 ,\t10.0.0.2, 10.9.9.9", "192.0.2.9"),
        // A client that takes an address of ours for its own does not come through.
        ("10.0.0.7, 192.0.2.9", "192.0.2.9"),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("2001:db8::9, fd00::1", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("192.0.2.9:4711, 10.0.0.2:80", "192.0.2.9"),
        ("::ffff:192.0.2.9, ::ffff:10.0.0.2", "192.0.2.9"),
        // Who is behind these nobody knows, and so the last proxy that is known counts.
        ("1.1.1.1, unknown", "10.0.0.1"),
        ("1.1.1.1, _hidden, 10.0.0.2", "10.0.0.2"),
        ("1.1.1.1, fe80::1%eth0", "10.0.0.1"),
        ("1.1.1.1,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("192.0.2.9:", "10.0.0.1"),
        ("192.0.2.9:99999", "10.0.0.1"),
    ] {
        assert_eq!(client(PEER, &[("x-forwarded-for", said)]), who, "{said:?}");
        assert_eq!(client("[::ffff:10.0.0.3]:9", &[("x-forwarded-for", "192.0.2.9")]), "192.0.2.9");
    }
    // Lines follow each other as the items of one.
    let lines = [("x-forwarded-for", "192.0.2.9, 10.0.0.4"), ("x-forwarded-for", "10.0.0.3")];
    assert_eq!(client(PEER, &lines), "192.0.2.9");
    let way = expected(PEER, &["192.0.2.9", "10.0.0.4", "10.0.0.3"], Transport::Plain, "gateway");
    assert_eq!(found(request(PEER, &lines)), way);
}

#[test]
fn the_standard_header_says_the_same() {
    for (said, who) in [
        ("for=192.0.2.9", "192.0.2.9"),
        ("For=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("for=1.1.1.1, for=192.0.2.9;by=10.0.0.2 , for=10.0.0.2", "192.0.2.9"),
        ("for=\"192.0.2.9:_port\"", "192.0.2.9"),
        ("for=192.0.2.9:80;host=\"a,b;c=\\\"d\"", "192.0.2.9"),
        ("for=\"192.0.\\2.9\";secret=\"x\\\"\"", "192.0.2.9"),
        ("for=1.1.1.1, for=unknown", "10.0.0.1"),
        ("for=1.1.1.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("for=1.1.1.1, proto=https", "10.0.0.1"),
        // What cannot be read says nothing, wherever its fault is: a quote of the client's may have taken in the proxy's words.
        ("for=1.1.1.1;for=192.0.2.9", "10.0.0.1"),
        ("for=\"x, for=192.0.2.9", "10.0.0.1"),
        ("for=9.9.9.9;x=\", for=\"[2001:db8::9]\"", "10.0.0.1"),
        ("for = 192.0.2.9", "10.0.0.1"),
        ("192.0.2.9", "10.0.0.1"),
        ("", "10.0.0.1"),
    ] {
        assert_eq!(client(PEER, &[("forwarded", said)]), who, "{said:?}");
    }
    let said = "for=1.1.1.1;proto=http;host=a, for=192.0.2.9;proto=HTTPS;host=\"b:1\", \
        for=10.0.0.2;proto=http;host=c";
    let way = expected(PEER, &["192.0.2.9", "10.0.0.2"], Transport::Tls, "b:1");
    assert_eq!(found(request(PEER, &[("forwarded", said)])), way);
}

#[test]
fn headers_that_contradict_each_other_are_not_believed() {
    let agreed = [("x-forwarded-for", "1.1.1.1, 192.0.2.9"), ("forwarded", "for=192.0.2.9")];
    assert_eq!(client(PEER, &agreed), "192.0.2.9");
    for (addresses, elements) in
        [("192.0.2.9", "for=1.1.1.1"), ("1.1.1.1", "for=\"192.0.2.9"), ("", "for=192.0.2.9")]
    {
        let headers = [
            ("x-forwarded-for", addresses),
            ("forwarded", elements),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(
            found(request(PEER, &headers)),
            expected(PEER, &[], Transport::Plain, "gateway")
        );
    }
}

#[test]
fn protocol_and_host_are_taken_over_where_they_are_one_each() {
    let said = |proto: &[&str], host: &[&str]| {
        let mut request = request(PEER, &[("x-forwarded-for", "192.0.2.9")]);
        for (name, values) in [("x-forwarded-proto", proto), ("x-forwarded-host", host)] {
            let name = HeaderName::from_static(name);
            for value in values {
                request.headers_mut().append(&name, HeaderValue::from_str(value).unwrap());
            }
        }
        found(request)
    };
    let told = |transport, host| expected(PEER, &["192.0.2.9"], transport, host);
    let (plain, tls) = (Transport::Plain, Transport::Tls);
    assert_eq!(said(&["https"], &["nomad.example:8443"]), told(tls, "nomad.example:8443"));
    assert_eq!(said(&["http"], &["[2001:db8::1]:80"]), told(plain, "[2001:db8::1]:80"));
    assert_eq!(said(&["https, http"], &["a, b"]), told(plain, "gateway"));
    assert_eq!(said(&["https", "https"], &["a", "a"]), told(plain, "gateway"));
    assert_eq!(said(&["gopher"], &["user@a"]), told(plain, "gateway"));
}

#[test]
fn very_long_lists_are_read_from_the_right_and_no_further_than_there_can_be_proxies() {
    let long = format!("{}192.0.2.9", "1.1.1.1, ".repeat(100_000));
    assert_eq!(client(PEER, &[("x-forwarded-for", &long)]), "192.0.2.9");
    let trusted = format!("192.0.2.9{}", ", 10.0.0.2".repeat(40));
    assert_eq!(client(PEER, &[("x-forwarded-for", &trusted)]), "10.0.0.2");
    let told = found(request(PEER, &[("x-forwarded-for", &trusted)]));
    assert_eq!(told, expected(PEER, &["10.0.0.2"; 32], Transport::Plain, "gateway"));
    let elements = format!("{}for=192.0.2.9", "for=1.1.1.1, ".repeat(100_000));
    assert_eq!(client(PEER, &[("forwarded", &elements)]), "10.0.0.1", "it is not read at all");
}

/// What means something in one of the headers.
const PARTS: [&str; 17] = [
    "10.0.0.2",
    "192.0.2.9",
    "2001:db8::9",
    "[::1]:80",
    "unknown",
    "_x",
    ",",
    ", ",
    ";",
    "\"",
    "\\",
    "for=",
    "proto=https",
    "host=a",
    "=",
    " ",
    "%",
];

/// What somebody may write.
fn text() -> impl Strategy<Value = String> {
    vec(select(&PARTS[..]), 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    /// Whatever a client writes, a proxy that appends its address to the list decides.
    #[test]
    fn a_client_cannot_choose_its_address(
        addresses in text(), elements in text(), is_own_line in any::<bool>(),
    ) {
        let (comma, name) = (", ", "x-forwarded-for");
        let appended = format!("{addresses}{comma}203.0.113.5");
        let lines = if is_own_line {
            vec![(name, &*addresses), (name, "203.0.113.5")]
        } else {
            vec![(name, &*appended)]
        };
        prop_assert_eq!(client(PEER, &lines), "203.0.113.5");
        // Where the other header is the client's own, it does not count either.
        let mut both = lines.clone();
        both.push(("forwarded", &elements));
        let who = client(PEER, &both);
        prop_assert!(who == "203.0.113.5" || who == "10.0.0.1", "{}", who);
        for appended in [", for=203.0.113.5;proto=https", ", for=\"203.0.113.5:80\""] {
            let line = format!("{elements}{appended}");
            let who = client(PEER, &[("forwarded", &line)]);
            prop_assert!(who == "203.0.113.5" || who == "10.0.0.1", "{}", who);
            let both = [("forwarded", &*line), (name, &*addresses)];
            let who = client(PEER, &both);
            prop_assert!(who == "203.0.113.5" || who == "10.0.0.1", "{}", who);
        }
    }
}
