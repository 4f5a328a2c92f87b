//! TLS for clients.

use std::{
    io, mem,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    H2, HTTP_1_1, MinVersion, Reload, ServerTls, TlsError, handshakes::Handshakes, inspect, pem,
};
use crate::server::linger::read_on;
use crate::server::tls::reload::Reloadable;

/// Nomad's own limit (`limits.https_handshake_timeout`), which ends with the first byte of a request: who needs longer
/// only holds a place.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The first byte of TLS: a record with a handshake in it.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What a caller is told who speaks plain HTTP. The status line is all that such a caller understands.
const PLAIN_HTTP_RESPONSE: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// What is wanted of callers' certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// Nobody is asked for one.
    #[default]
    Ignored,
    /// Callers may show one; one that is shown must be signed by an authority of `ca_file`.
    Optional,
    /// Callers must show one (`verify_https_client`). As in Nomad any certificate of the authority passes.
    Required,
}

/// What is spoken with callers. Each may offer what it knows; the newest that is known here is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HttpVersions {
    /// HTTP/2 and HTTP/1.1.
    #[default]
    Both,
    /// HTTP/1.1 alone: the command line of Nomad 1.1 offers HTTP/2 and cannot open its websockets then.
    One,
}

/// Whether the handshake has settled on HTTP/2.
pub(crate) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(H2)
}

/// Accepts TLS connections. Cheap to clone: all clones read the same files again.
#[derive(Debug, Clone)]
pub struct Acceptor {
    config: Arc<Reloadable<ServerConfig>>,
    settings: Arc<RwLock<ServerTls>>,
    handshake_timeout: Option<Duration>,
    handshakes: Handshakes,
}

impl Acceptor {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be used.
    pub fn load(settings: ServerTls) -> Result<Self, TlsError> {
        let settings = Arc::new(RwLock::new(settings));
        let wanted = Arc::clone(&settings);
        let config = Reloadable::load(move || {
            // Not held while files are read: whoever asks for the files' names should not wait for that.
            let wanted = wanted.read().unwrap_or_else(PoisonError::into_inner).clone();
            inspect::warn_if_not_valid(&wanted.cert_file);
            server_config(&wanted)
        })?;
        let handshakes = Handshakes::default();
        Ok(Self {
            config: Arc::new(config),
            settings,
            handshake_timeout: Some(HANDSHAKE_TIMEOUT),
            handshakes,
        })
    }

    /// Lets so many callers of one address, and so many in all, be between their connection and the first byte of a request.
    /// Connections beyond that are closed.
    #[must_use]
    pub fn bound_handshakes(mut self, of_one_address: usize, in_all: usize) -> Self {
        self.handshakes = Handshakes::new(of_one_address, in_all);
        self
    }

    /// The handshakes that are under way, to be shown.
    #[must_use]
    pub const fn handshakes(&self) -> &Handshakes {
        &self.handshakes
    }

    /// How long a caller may take from the connection to the first byte of its request; for ever if none.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Option<Duration>) -> Self {
        self.handshake_timeout = limit;
        self
    }

    pub(crate) const fn limit(&self) -> Option<Duration> {
        self.handshake_timeout
    }

    /// Takes other settings, for all clones. Connections that stand go on as they are.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be used; then the old settings stay in force.
    pub fn replace(&self, settings: ServerTls) -> Result<(), TlsError> {
        let before = self.swap_settings(settings);
        self.config.reload().inspect_err(|_| drop(self.swap_settings(before)))
    }

    fn swap_settings(&self, settings: ServerTls) -> ServerTls {
        let mut now = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        mem::replace(&mut now, settings)
    }

    /// Shakes hands and waits for the first byte, within the limit from `since` on, if there are not too many who do.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        address: IpAddr,
        since: Instant,
    ) -> io::Result<TlsStream<TcpStream>> {
        let _place = self.handshakes.begin(address)?;
        let begun = async {
            let mut stream = self.handshake(stream).await?;
            // It stays in the buffer, where the parser of the request finds it.
            stream.fill_buf().await?;
            Ok(stream)
        };
        let Some(limit) = self.handshake_timeout else { return begun.await };
        timeout_at(since + limit, begun).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no request over TLS in time"))
        })
    }

    /// Shakes hands, however long it takes.
    pub(crate) async fn handshake(
        &self,
        mut stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE_RECORD] {
            stream.write_all(PLAIN_HTTP_RESPONSE).await?;
            stream.shutdown().await?;
            read_on(&mut stream).await;
            return Err(io::Error::other("the caller spoke plain HTTP"));
        }
        TlsAcceptor::from(self.config.current()).accept(stream).await
    }
}

impl Reload for Acceptor {
    fn reload(&self) -> Result<(), TlsError> {
        self.config.reload()
    }

    fn files(&self) -> Vec<PathBuf> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let own = [&settings.cert_file, &settings.key_file].into_iter();
        own.chain(&settings.ca_file).cloned().collect()
    }
}

pub(super) fn server_config(settings: &ServerTls) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(settings.cipher_suites.provider())
        .with_protocol_versions(settings.min_version.versions())?;
    let builder = match client_verifier(settings)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let (cert, key) = (&settings.cert_file, &settings.key_file);
    let secret = pem::key(key)?;
    if settings.min_version == MinVersion::Tls12 && !settings.cipher_suites.fits_key(&secret) {
        return Err(TlsError::NoUsableSuite { key: key.clone() });
    }
    let built = builder.with_single_cert(pem::certificates(cert)?, secret);
    let mut config =
        built.map_err(|source| TlsError::Pair { cert: cert.clone(), key: key.clone(), source })?;
    config.alpn_protocols = match settings.http {
        HttpVersions::Both => vec![H2.to_vec(), HTTP_1_1.to_vec()],
        HttpVersions::One => vec![HTTP_1_1.to_vec()],
    };
    Ok(config)
}

fn client_verifier(settings: &ServerTls) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if settings.client_certificates == ClientCertificates::Ignored {
        return Ok(None);
    }
    let file = settings.ca_file.as_ref().ok_or(TlsError::NoAuthority)?;
    let roots = Arc::new(pem::authorities(file)?);
    let builder =
        WebPkiClientVerifier::builder_with_provider(roots, settings.cipher_suites.provider());
    let builder = match settings.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    let built = builder
        .build()
        .map_err(|error| TlsError::Authority { file: file.clone(), reason: error.to_string() })?;
    Ok(Some(built))
}
