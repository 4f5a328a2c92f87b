//! TLS on both sides: [`Acceptor`] for clients, [`TlsConnect`] for agents.
//!
//! Both read PEM files and read them again when they change, on SIGHUP or by [`watch_files`]; connections that stand go on
//! with what they began with. Files that cannot be used are told and leave the old ones in force.
//!
//! Callers are offered HTTP/2 and HTTP/1.1 (ALPN), agents HTTP/1.1: they know nothing else.
//!
//! There is one cryptographic provider in the whole program, named here and nowhere else.

mod accept;
mod authorities;
mod connect;
mod error;
mod fault_log;
mod handshakes;
pub(crate) mod inspect;
mod maybe_tls;
mod pem;
mod reload;
mod skip_verify;
mod suites;

use std::{path::PathBuf, time::Duration};

use rustls::{SupportedProtocolVersion, crypto::CryptoProvider, version};

pub(crate) use self::accept::is_http2;
pub use self::{
    accept::{Acceptor, ClientCertificates, HttpVersions},
    authorities::Authorities,
    connect::{AgentName, ServerNames, TlsConnect, Verification},
    error::TlsError,
    handshakes::Handshakes,
    suites::{CipherSuiteError, CipherSuites},
};
pub use crate::server::tls::{
    maybe_tls::MaybeTlsConnect,
    reload::{Reload, watch_files},
};

/// The names that ALPN has for what is spoken.
const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// How often [`watch_files`] should look whether files have changed: soon enough for whoever waits for it, and six calls of
/// the system at a time.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Files of the certificate that is shown to callers.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain settings, written out by whoever reads a config"
)]
pub struct ServerTls {
    /// The certificate, and behind it those that lead to its authority; PEM.
    pub cert_file: PathBuf,
    /// Its key; PEM, not encrypted.
    pub key_file: PathBuf,
    /// The authorities whose client certificates are accepted; PEM.
    pub ca_file: Option<PathBuf>,
    /// What is wanted of callers.
    pub client_certificates: ClientCertificates,
    /// What is spoken with callers.
    pub http: HttpVersions,
    /// The oldest version of TLS.
    pub min_version: MinVersion,
    /// What TLS 1.2 is spoken with.
    pub cipher_suites: CipherSuites,
}

/// Files with which agents are verified, and with which the gateway shows who it is.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain settings, written out by whoever reads a config"
)]
pub struct ClientTls {
    /// Who signs agents' certificates.
    pub authorities: Authorities,
    /// Whether that is looked at.
    pub verification: Verification,
    /// The gateway's own certificate and key, where agents demand one (`verify_https_client`). A certificate of role
    /// `cli` is enough, and one of role `server` too much: with it the gateway could speak for a server.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The names that agents' certificates must have.
    pub server_names: ServerNames,
    /// The oldest version of TLS.
    pub min_version: MinVersion,
    /// What TLS 1.2 is spoken with.
    pub cipher_suites: CipherSuites,
}

/// The oldest version of TLS that is spoken (`tls_min_version`); older ones than these are not built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MinVersion {
    /// `tls12`, Nomad's default.
    #[default]
    Tls12,
    /// `tls13`
    Tls13,
}

static TLS12_OR_NEWER: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&version::TLS13];

impl MinVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12 => TLS12_OR_NEWER,
            Self::Tls13 => TLS13_ONLY,
        }
    }
}

/// The one provider.
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}
