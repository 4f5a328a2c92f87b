//! The PROXY protocol: a proxy that passes bytes on says first whose they are.
//!
//! The header comes before TLS. Nothing but the header is taken from the socket, so that TLS and HTTP find what follows it.
//! A connection without a whole header, or with one that is not valid, is closed without a word: a guess whether there is a header
//! would let clients write their own.

mod decoder;
mod v1;
mod v2;

use std::{io, net::SocketAddr, time::Duration};

use http::Request;
use nomad_forward::{Transport, forward::ForwardedFor};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    time::{Instant, timeout_at},
};

use self::decoder::Decoder;
pub(super) use self::decoder::Source;
use crate::{
    proxy::client_address::{TrustedProxies, UnnamedClient},
    server::tls::Handshakes,
};

/// As long as a TLS handshake has by default. Proxies send the header with the first packet.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// What is looked at in one go. Headers are shorter, but for those with certificates in them.
const PIECE: usize = 256;

/// Reads headers, from trusted proxies alone.
#[derive(Debug)]
pub(super) struct Headers {
    pub(super) trusted: TrustedProxies,
    /// Connections whose header is to come, together with those whose TLS is.
    pub(super) handshakes: Handshakes,
    pub(super) limit: Option<Duration>,
}

impl Headers {
    /// Whose connection it is. The header must have come when the limit has passed since then.
    pub(super) async fn read(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        since: Instant,
    ) -> io::Result<Source> {
        if !self.trusted.contains(peer.ip()) {
            return Err(io::Error::other("not from a trusted proxy"));
        }
        let _place = self.handshakes.begin(peer.ip())?;
        let Some(limit) = self.limit else { return read(stream).await };
        timeout_at(since + limit, read(stream)).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no PROXY header in time"))
        })
    }
}

/// Reads a header and nothing else.
async fn read(stream: &mut TcpStream) -> io::Result<Source> {
    let mut decoder = Decoder::default();
    let mut piece = [0; PIECE];
    loop {
        let seen = stream.peek(&mut piece).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let read = decoder.push(&piece[..seen]);
        let (taken, source) =
            read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // They are there already.
        stream.read_exact(&mut piece[..taken]).await?;
        if let Some(source) = source {
            return Ok(source);
        }
    }
}

/// Whose requests come over a connection.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) client: ForwardedFor,
    /// A proxy relays it for somebody whom it cannot name.
    pub(super) is_unnamed: bool,
}

impl Origin {
    /// The peer of a socket, or whom its PROXY header names in the peer's place.
    pub(super) fn new(peer: SocketAddr, source: Source, transport: Transport) -> Self {
        let (client, is_unnamed) = match source {
            Source::Proxy => (peer, false),
            Source::Unnamed => (peer, true),
            Source::Client(client) => (client, false),
        };
        Self { client: ForwardedFor::new(client, transport), is_unnamed }
    }

    /// Says of a request whose it is.
    pub(super) fn mark<B>(&self, request: &mut Request<B>) {
        request.extensions_mut().insert(self.client.clone());
        if self.is_unnamed {
            request.extensions_mut().insert(UnnamedClient);
        }
    }
}
