//! Version 1: a line of text.
//!
//! ```text
//! PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::decoder::{HeaderError, Source};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line, with its end: both addresses of IPv6 in full (section 2.1 of the specification).
pub(super) const MAX: usize = 107;

/// Reads a line that ends.
pub(super) fn source(line: &[u8]) -> Result<Source, HeaderError> {
    let text = line.strip_prefix(SIGNATURE).and_then(|line| line.strip_suffix(b"\r\n"));
    let text = text.and_then(|text| str::from_utf8(text).ok()).ok_or(HeaderError::Text)?;
    // What follows it is nobody's business.
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Ok(Source::Unnamed);
    }
    tcp(text).map(Source::Client).ok_or(HeaderError::Text)
}

fn tcp(text: &str) -> Option<SocketAddr> {
    let mut words = text.split(' ');
    let address: fn(&str) -> Option<IpAddr> = match words.next()? {
        "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return None,
    };
    let (source, _destination) = (address(words.next()?)?, address(words.next()?)?);
    let (from, _to) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then(|| SocketAddr::new(source, from))
}

/// Digits without zeros before them.
fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = text.len() > 1 && text.starts_with('0');
    if is_number && !is_padded { text.parse().ok() } else { None }
}
