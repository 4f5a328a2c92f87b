//! Addresses as users write them, and several errors in one text.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// Default port of server RPC.
pub(super) const RPC_PORT: u16 = 4647;

/// Default port of gossip.
pub(super) const SERF_PORT: u16 = 4648;

/// The first address of `host`, `host:port`, `1.2.3.4`, `::1` or `[::1]:port`.
pub(super) async fn resolve(written: &str, port: u16) -> io::Result<SocketAddr> {
    let (host, port) = split_host_port(written, port)?;
    let mut found = tokio::net::lookup_host((host, port)).await?;
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host"))
}

fn split_host_port(written: &str, port: u16) -> io::Result<(&str, u16)> {
    let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(written);
    if bare.parse::<IpAddr>().is_ok() {
        return Ok((bare, port));
    }
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let Some((host, number)) = written.rsplit_once(':') else {
        return if written.is_empty() { Err(invalid("missing host")) } else { Ok((written, port)) };
    };
    let number = number.parse().map_err(|_| invalid("invalid port"))?;
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => Ok((inner, number)),
        None if !host.is_empty() && !host.contains(':') => Ok((host, number)),
        _ => Err(invalid("invalid host")),
    }
}

/// Several errors in one text, in the format of Nomad's own library.
pub(crate) fn multi_error(faults: &[String]) -> String {
    let count = match faults.len() {
        1 => "1 error".to_owned(),
        several => format!("{several} errors"),
    };
    format!("{count} occurred:\n\t* {}\n\n", faults.join("\n\t* "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        for (written, expected) in [
            ("127.0.0.1", Some(("127.0.0.1", 4647))),
            ("127.0.0.1:5000", Some(("127.0.0.1", 5000))),
            ("localhost", Some(("localhost", 4647))),
            ("::1", Some(("::1", 4647))),
            ("[::1]", Some(("::1", 4647))),
            ("[::1]:5000", Some(("::1", 5000))),
            ("", None),
            (":5000", None),
            ("a:b", None),
            ("a:70000", None),
            ("a:b:5", None),
        ] {
            assert_eq!(split_host_port(written, RPC_PORT).ok(), expected, "{written}");
        }
    }

    #[test]
    fn faults_are_listed() {
        assert_eq!(multi_error(&["a".into()]), "1 error occurred:\n\t* a\n\n");
        assert_eq!(multi_error(&["a".into(), "b".into()]), "2 errors occurred:\n\t* a\n\t* b\n\n");
    }
}
