use std::net::IpAddr;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

/// All of it at once; what follows the header is left.
fn decode(bytes: &[u8]) -> Result<(usize, Option<Source>), HeaderError> {
    Decoder::default().push(bytes)
}

fn client(text: &str) -> Source {
    Source::Client(text.parse().unwrap())
}

fn whole(bytes: &[u8], source: Source) {
    let sent = [bytes, b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(decode(&sent), Ok((bytes.len(), Some(source))), "{}", bytes.escape_ascii());
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [v2::SIGNATURE, &[command, family], &length, rest].concat()
}

/// The examples and the longest lines of section 2.1 of HAProxy's specification.
#[test]
fn the_lines_of_the_specification_are_read() {
    for (line, source) in [
        ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443", client("192.168.0.1:56324")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535", client("255.255.255.255:65535")),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
            client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        ),
        ("PROXY TCP6 2001:db8::1 ::1 4711 0", client("[2001:db8::1]:4711")),
        ("PROXY UNKNOWN", Source::Unnamed),
        (
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
            Source::Unnamed,
        ),
    ] {
        whole(format!("{line}\r\n").as_bytes(), source);
    }
    let longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
        ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), v1::MAX);
}

#[test]
fn other_lines_are_refused() {
    for line in [
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
        "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n",
        "PROXY \r\n",
    ] {
        assert_eq!(decode(line.as_bytes()), Err(HeaderError::Text), "{line:?}");
    }
    for line in
        ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "proxy TCP4", "\x16\x03\x01", "PROXY\r\n"]
    {
        assert_eq!(decode(line.as_bytes()), Err(HeaderError::Missing), "{line:?}");
    }
    let endless = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat();
    assert_eq!(decode(&endless[..v1::MAX - 1]), Ok((v1::MAX - 1, None)));
    assert_eq!(decode(&endless), Err(HeaderError::TooLong));
}

/// `send-proxy-v2` of HAProxy, and its health check.
#[test]
fn headers_of_version_2_are_read() {
    let ipv4 = b"\xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x01\xbb";
    let recorded = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c\
        \xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x01\xbb";
    assert_eq!(binary(0x21, 0x11, ipv4), recorded);
    whole(recorded, client("192.168.0.1:56324"));
    let tlvs = [ipv4.as_slice(), b"\x01\x00\x02h2", b"\x03\x00\x04\x01\x02\x03\x04"].concat();
    whole(&binary(0x21, 0x11, &tlvs), client("192.168.0.1:56324"));
    let mut ipv6 = [0; 36];
    ipv6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    ipv6[15] = 1;
    ipv6[32..34].copy_from_slice(&4711_u16.to_be_bytes());
    whole(&binary(0x21, 0x21, &ipv6), client("[2001:db8::1]:4711"));
    // Longer than what is kept of it.
    let long = [ipv6.as_slice(), &[7; v2::MAX_LENGTH - 36]].concat();
    whole(&binary(0x21, 0x21, &long), client("[2001:db8::1]:4711"));
    // A proxy's own connection, whatever it says beside that.
    whole(&binary(0x20, 0x00, b""), Source::Proxy);
    whole(&binary(0x20, 0x11, ipv4), Source::Proxy);
    whole(&binary(0x20, 0xff, b"x"), Source::Proxy);
    for (family, length) in [(0x00, 0), (0x01, 5), (0x10, 12), (0x12, 12), (0x22, 36), (0x31, 216)]
    {
        whole(&binary(0x21, family, &vec![1; length]), Source::Unnamed);
    }
}

#[test]
fn what_does_not_exist_in_version_2_is_refused() {
    let refused = |command, family, length: usize| {
        decode(&binary(command, family, &vec![0; length])).unwrap_err()
    };
    assert_eq!(refused(0x11, 0x11, 12), HeaderError::Version);
    assert_eq!(refused(0x31, 0x11, 12), HeaderError::Version);
    for (command, family) in [(0x22, 0x11), (0x2f, 0x11), (0x21, 0x13), (0x21, 0x41)] {
        assert_eq!(refused(command, family, 300), HeaderError::Unassigned);
    }
    for (family, length) in [(0x11, 11), (0x21, 35), (0x31, 215)] {
        assert_eq!(refused(0x21, family, length), HeaderError::Short);
    }
    assert_eq!(refused(0x21, 0x11, v2::MAX_LENGTH + 1), HeaderError::Large);
    assert_eq!(refused(0x20, 0x00, v2::MAX_LENGTH + 1), HeaderError::Large);
    assert_eq!(decode(b"\r\n\r\n\0\r\nQUIX"), Err(HeaderError::Missing));
}

fn any_header() -> impl Strategy<Value = (Vec<u8>, Source)> {
    let pair = prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
        any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
    ];
    let ports = any::<(u16, u16)>();
    (pair, ports, vec(any::<u8>(), 0..300), any::<bool>()).prop_map(
        |((from, to), ports, tlvs, is_text)| {
            let source = Source::Client(SocketAddr::new(from, ports.0));
            let is_ipv4 = from.is_ipv4();
            if is_text {
                let family = if is_ipv4 { 4 } else { 6 };
                let line = format!("PROXY TCP{family} {from} {to} {} {}\r\n", ports.0, ports.1);
                return (line.into_bytes(), source);
            }
            let bytes = |ip| match ip {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            let ports = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
            let rest = [bytes(from), bytes(to), ports, tlvs].concat();
            (binary(0x21, if is_ipv4 { 0x11 } else { 0x21 }, &rest), source)
        },
    )
}

proptest! {
    #[test]
    fn a_header_is_read_however_it_is_cut(
        (header, source) in any_header(),
        cuts in vec(any::<Index>(), 0..8),
        after in vec(any::<u8>(), 0..20),
    ) {
        let sent = [header.as_slice(), &after].concat();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(sent.len())).collect();
        cuts.push(sent.len());
        cuts.sort_unstable();
        let (mut decoder, mut taken, mut found) = (Decoder::default(), 0, None);
        for cut in cuts {
            if found.is_none() && cut > taken {
                let (more, read) = decoder.push(&sent[taken..cut]).unwrap();
                (taken, found) = (taken + more, read);
            }
        }
        prop_assert_eq!((taken, found), (header.len(), Some(source)));
    }

    /// Nothing panics, nothing is kept waiting for more than the bound, and nothing but a header is one.
    #[test]
    fn other_bytes_end_within_bounds(start in 0..3_usize, bytes in vec(any::<u8>(), 0..6000)) {
        let start: &[u8] = [b"".as_slice(), v1::SIGNATURE, v2::SIGNATURE][start];
        let sent = [start, &bytes].concat();
        match decode(&sent) {
            Ok((taken, None)) => {
                prop_assert_eq!(taken, sent.len());
                prop_assert!(taken < v2::FIXED + v2::MAX_LENGTH);
                prop_assert!(sent[..taken].first() != Some(&b'P') || taken < v1::MAX);
            }
            Ok((taken, Some(_))) => prop_assert!(
                sent.starts_with(v1::SIGNATURE) && sent[..taken].ends_with(b"\r\n")
                    || sent.starts_with(v2::SIGNATURE)
            ),
            Err(_) => {}
        }
    }
}
