//! TLS to agents.

use std::{io, path::PathBuf, sync::Arc};

use hyper_util::rt::TokioIo;
use nomad_forward::{Agent, connect::Connect};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ClientTls, HTTP_1_1, Reload, TlsError, live::Live, pem, provider};

/// The name that an agent's certificate must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ServerNames {
    /// `server.<region>.nomad` and `client.<region>.nomad`, as `nomad tls cert create` writes them: an agent of one
    /// role or region cannot pose as one of another.
    #[default]
    Roles,
    /// The same name at every agent (`NOMAD_TLS_SERVER_NAME`).
    Fixed(String),
    /// The agent's IP address.
    Address,
}

/// Connects to agents over TLS, verifies them, and shows the gateway's own certificate where one is wanted.
///
/// Cheap to clone: all clones read the same files again.
#[derive(Debug, Clone)]
pub struct TlsConnect {
    config: Arc<Live<ClientConfig>>,
    files: Arc<[PathBuf]>,
    names: Names,
}

#[derive(Debug, Clone)]
enum Names {
    Roles,
    Fixed(ServerName<'static>),
    Address,
}

impl TlsConnect {
    /// Reads authorities, certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] when a file or the fixed name cannot be used.
    pub fn load(settings: ClientTls) -> Result<Self, TlsError> {
        let names = match &settings.server_names {
            ServerNames::Roles => Names::Roles,
            ServerNames::Address => Names::Address,
            ServerNames::Fixed(name) => Names::Fixed(parsed(name)?),
        };
        let own = settings.identity.iter().flat_map(|(cert, key)| [cert, key]);
        let files = std::iter::once(&settings.ca_file).chain(own).cloned().collect();
        let config = Live::load(move || config(&settings))?;
        Ok(Self { config: Arc::new(config), files, names })
    }

    fn name_of(&self, agent: &Agent) -> Result<ServerName<'static>, TlsError> {
        match &self.names {
            Names::Fixed(name) => Ok(name.clone()),
            Names::Address => Ok(ServerName::from(agent.address().ip())),
            Names::Roles => {
                let role = if agent.is_server() { "server" } else { "client" };
                parsed(&format!("{role}.{}.nomad", agent.region()))
            }
        }
    }
}

fn parsed(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
}

impl Connect for TlsConnect {
    type Io = TokioIo<TlsStream<TcpStream>>;

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let name = self.name_of(agent).map_err(io::Error::other)?;
        let stream = TcpStream::connect(agent.address()).await?;
        // A frame is worth more early than bundled with the next one.
        stream.set_nodelay(true)?;
        let shown = name.to_str().into_owned();
        let connected = TlsConnector::from(self.config.now()).connect(name, stream).await;
        connected.map(TokioIo::new).map_err(|error| advised(&error, &shown))
    }
}

/// The error with what can be done about it.
fn advised(error: &io::Error, name: &str) -> io::Error {
    use rustls::{CertificateError, Error};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let advice = match cause {
        Some(Error::InvalidMessage(_)) => "; does the agent speak TLS there (tls { http = true })?",
        Some(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => "; ca_file must hold the authority that signed the agent's certificate",
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
        self.files.to_vec()
    }
}

fn config(settings: &ClientTls) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(settings.min_version.versions())?
        .with_root_certificates(pem::authorities(&settings.ca_file)?);
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
