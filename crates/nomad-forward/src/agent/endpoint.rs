//! Where an agent's HTTP API listens.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderValue;

/// The `Host` of requests over a unix socket, as Nomad's own client sends it.
const UNIX_HOST: HeaderValue = HeaderValue::from_static("127.0.0.1");

/// Where an agent's HTTP API listens. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A host name and a port; the name is looked up for each new connection.
    Host {
        /// The name.
        name: Arc<str>,
        /// The port.
        port: u16,
    },
    /// The path of a unix socket.
    Unix(Arc<Path>),
}

impl Endpoint {
    /// A host name and a port.
    #[must_use]
    pub fn host(name: &str, port: u16) -> Self {
        Self::Host { name: name.into(), port }
    }

    /// The path of a unix socket.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::Unix(path.into().into())
    }

    /// The IP address and port, when it is known by them.
    #[must_use]
    pub const fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(address) => Some(*address),
            Self::Host { .. } | Self::Unix(_) => None,
        }
    }

    /// The `Host` header of requests that go there.
    pub(super) fn host_header(&self) -> HeaderValue {
        let text = match self {
            Self::Socket(_) | Self::Host { .. } => HeaderValue::try_from(self.to_string()),
            Self::Unix(_) => return UNIX_HOST,
        };
        // A name that cannot stand in a header cannot be looked up either.
        text.unwrap_or(UNIX_HOST)
    }

    /// What Go's `net` calls a connection to it: a network and an address.
    pub(crate) fn dial_address(&self) -> String {
        match self {
            Self::Socket(_) | Self::Host { .. } => format!("tcp {self}"),
            Self::Unix(path) => format!("unix {}", path.display()),
        }
    }
}

/// As it stands in a URL: `127.0.0.1:4646`, `nomad.example:4646`, `unix:///run/nomad.sock`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Host { name, port } => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Socket(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_host_header_and_text() {
        let v6 = Endpoint::from("[::1]:4646".parse::<SocketAddr>().unwrap());
        assert_eq!(
            (v6.host_header().as_bytes(), &*v6.to_string()),
            (&b"[::1]:4646"[..], "[::1]:4646")
        );
        let host = Endpoint::host("nomad.example", 4646);
        assert_eq!(host.host_header(), "nomad.example:4646");
        assert_eq!(host.dial_address(), "tcp nomad.example:4646");
        let unix = Endpoint::unix("/run/nomad.sock");
        assert_eq!(unix.host_header(), "127.0.0.1");
        assert_eq!(unix.to_string(), "unix:///run/nomad.sock");
        assert_eq!(unix.dial_address(), "unix /run/nomad.sock");
        assert_eq!(Endpoint::host("ü\n", 1).host_header(), "127.0.0.1");
    }
}
