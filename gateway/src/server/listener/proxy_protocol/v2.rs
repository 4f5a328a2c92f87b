//! Version 2: bytes. After a signature come version and command, family and protocol, and a length; then addresses, and whatever a
//! proxy adds (TLVs), which is passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::decoder::{HeaderError, Source};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What comes before the addresses.
pub(super) const FIXED: usize = 16;

/// The longest rest, addresses and TLVs. Some proxies send a client's certificate in them; nothing else comes near.
pub(super) const MAX_LENGTH: usize = 4096;

/// Addresses and ports of IPv4 and of IPv6, and paths of unix sockets.
const IPV4: usize = 12;
const IPV6: usize = 36;
const UNIX: usize = 216;

/// Where the header ends, by its fixed part.
pub(super) fn end(fixed: &[u8]) -> Result<usize, HeaderError> {
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if fixed[12] >> 4 != 2 {
        return Err(HeaderError::Version);
    }
    let needed = match (fixed[12] & 15, fixed[13] >> 4, fixed[13] & 15) {
        // Of a proxy's own connection the rest says nothing.
        (0, _, _) | (1, 0, 0..=2) => 0,
        (1, 1, 0..=2) => IPV4,
        (1, 2, 0..=2) => IPV6,
        (1, 3, 0..=2) => UNIX,
        _ => return Err(HeaderError::Unassigned),
    };
    if length < needed {
        return Err(HeaderError::Short);
    }
    if length > MAX_LENGTH { Err(HeaderError::Large) } else { Ok(FIXED + length) }
}

/// Reads a header that [`end`] has found sound. Of a long one the beginning will do.
pub(super) fn source(header: &[u8]) -> Result<Source, HeaderError> {
    if header[12] & 15 == 0 {
        return Ok(Source::Proxy);
    }
    let addresses = &header[FIXED..];
    let client = match header[13] {
        // The port stands behind both addresses.
        0x11 => {
            let ip = addresses.first_chunk::<4>().copied();
            ip.map(|ip| (IpAddr::V4(Ipv4Addr::from(ip)), 8))
        }
        0x21 => {
            let ip = addresses.first_chunk::<16>().copied();
            ip.map(|ip| (IpAddr::V6(Ipv6Addr::from(ip)), 32))
        }
        // It is no TCP, or a socket of the proxy's file system: nobody whom an address names.
        _ => return Ok(Source::Unnamed),
    };
    let (ip, at) = client.ok_or(HeaderError::Short)?;
    let port = addresses.get(at..).and_then(|rest| rest.first_chunk::<2>().copied());
    let port = port.ok_or(HeaderError::Short)?;
    Ok(Source::Client(SocketAddr::new(ip, u16::from_be_bytes(port))))
}
