//! TLS to agents.

use std::{io, path::PathBuf, sync::Arc};

use hyper_util::rt::TokioIo;
use nomad_forward::{
    Agent, Endpoint, TcpConnect,
    connect::{Connect, TcpKey},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Authorities, ClientTls, HTTP_1_1, Reload, TlsError, inspect, pem};
use crate::server::tls::{fault_log::FaultLog, reload::Reloadable, skip_verify::SkipVerify};

/// The names that agents' certificates must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "an agent is a server or a client")]
pub struct ServerNames {
    /// Those of servers.
    pub servers: AgentName,
    /// Those of clients. Nomad's command line, too, looks for another name at a client than at a server
    /// (`NOMAD_TLS_SERVER_NAME`).
    pub clients: AgentName,
}

/// The name that an agent's certificate must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AgentName {
    /// `server.<region>.nomad` or `client.<region>.nomad`, as `nomad tls cert create` writes them: an agent of one role
    /// or region cannot pose as one of another.
    #[default]
    Role,
    /// The same name at every one.
    Fixed(String),
    /// The agent's IP address, or the host name that it is known by.
    Address,
}

/// Whether agents are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "they are or they are not")]
pub enum Verification {
    /// Their certificates are verified.
    #[default]
    On,
    /// Anybody may answer in an agent's place and read every token (`NOMAD_SKIP_VERIFY`).
    Off,
}

/// Connects to agents over TLS, verifies them, and shows the gateway's own certificate where one is wanted.
///
/// Cheap to clone: all clones read the same files again.
#[derive(Debug, Clone)]
pub struct TlsConnect {
    config: Arc<Reloadable<ClientConfig>>,
    authorities: Authorities,
    identity_files: Arc<[PathBuf]>,
    servers: ExpectedName,
    clients: ExpectedName,
    fault_log: FaultLog,
}

/// The same, read.
#[derive(Debug, Clone)]
pub(super) enum ExpectedName {
    Role,
    Fixed(ServerName<'static>),
    Address,
}

impl ExpectedName {
    pub(super) fn from_setting(name: &AgentName) -> Result<Self, TlsError> {
        Ok(match name {
            AgentName::Role => Self::Role,
            AgentName::Address => Self::Address,
            AgentName::Fixed(name) => Self::Fixed(parse_server_name(name)?),
        })
    }
}

impl TlsConnect {
    /// Reads authorities, certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] when a file or a fixed name cannot be used.
    pub fn load(settings: ClientTls) -> Result<Self, TlsError> {
        let ServerNames { servers, clients } = &settings.server_names;
        let (servers, clients) =
            (ExpectedName::from_setting(servers)?, ExpectedName::from_setting(clients)?);
        let own_files =
            settings.identity.iter().flat_map(|(cert, key)| [cert, key]).cloned().collect();
        let authorities = settings.authorities.clone();
        if settings.verification == Verification::Off {
            tracing::warn!("agents are not verified: whoever stands between can read every token");
        }
        let config = Reloadable::load(move || {
            if let Some((cert, _)) = &settings.identity {
                inspect::warn_if_not_valid(cert);
            }
            client_config(&settings)
        })?;
        Ok(Self {
            config: Arc::new(config),
            authorities,
            identity_files: own_files,
            servers,
            clients,
            fault_log: FaultLog::default(),
        })
    }

    fn expected_name(&self, agent: &Agent) -> Result<ServerName<'static>, TlsError> {
        let (role, name) =
            if agent.is_server() { ("server", &self.servers) } else { ("client", &self.clients) };
        match name {
            ExpectedName::Fixed(name) => Ok(name.clone()),
            ExpectedName::Address => match agent.endpoint() {
                Endpoint::Socket(address) => Ok(ServerName::from(address.ip())),
                Endpoint::Host { name, .. } => parse_server_name(name),
                other => Err(TlsError::ServerName(other.to_string())),
            },
            ExpectedName::Role => parse_server_name(&format!("{role}.{}.nomad", agent.region())),
        }
    }
}

fn parse_server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
}

impl Connect for TlsConnect {
    type Io = TokioIo<TlsStream<TcpStream>>;
    type Key = TcpKey;

    fn key(&self, agent: &Agent) -> TcpKey {
        TcpKey::from_agent(agent)
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let name = self.expected_name(agent).map_err(io::Error::other)?;
        let stream = TcpConnect::open(agent.endpoint()).await?;
        let shown = name.to_str().into_owned();
        match TlsConnector::from(self.config.current()).connect(name, stream).await {
            Ok(stream) => {
                self.fault_log.clear(agent.endpoint());
                Ok(TokioIo::new(stream))
            }
            Err(error) => {
                let error = with_advice(&error, &shown);
                self.fault_log.log_once(agent.endpoint(), &error);
                Err(error)
            }
        }
    }
}

/// The error with what can be done about it.
fn with_advice(error: &io::Error, name: &str) -> io::Error {
    use rustls::{CertificateError, Error};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let advice = match cause {
        Some(Error::InvalidMessage(_)) => "; does the agent speak TLS there (tls { http = true })?",
        Some(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => "; ca_file or ca_path must hold the authority that signed the agent's certificate",
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "; give the agent a certificate for that name, or name the one that it has",
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "; the agent needs a new certificate",
        _ => "",
    };
    io::Error::new(error.kind(), format!("TLS as {name:?}: {error}{advice}"))
}

impl Reload for TlsConnect {
    fn reload(&self) -> Result<(), TlsError> {
        self.config.reload()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = self.authorities.files();
        files.extend_from_slice(&self.identity_files);
        files
    }
}

pub(super) fn client_config(settings: &ClientTls) -> Result<ClientConfig, TlsError> {
    let provider = settings.cipher_suites.provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(settings.min_version.versions())?;
    let builder = match settings.verification {
        Verification::On => builder.with_root_certificates(settings.authorities.read()?),
        Verification::Off => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(SkipVerify(provider)))
        }
    };
    let mut config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let built = builder.with_client_auth_cert(pem::certificates(cert)?, pem::key(key)?);
            built.map_err(|source| TlsError::Pair {
                cert: cert.clone(),
                key: key.clone(),
                source,
            })?
        }
    };
    // Agents settle on nothing and speak HTTP/1.1 (seen with 2.0.5); whoever stands in front of one should as well.
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}
