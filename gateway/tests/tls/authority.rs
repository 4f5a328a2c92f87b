//! Certificates, and callers who trust them.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use nomad_gateway::tls::{
    Authorities, CipherSuites, ClientCertificates, ClientTls, HttpVersions, MinVersion,
    ServerNames, ServerTls, Verification,
};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// An authority and the files of those it signed.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), dir }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Writes `<file>.pem` and `<file>-key.pem` for these names.
    pub(crate) fn sign(&self, file: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.write(file, &CertificateParams::new(names).unwrap())
    }

    /// The same for the gateway, with a last day.
    pub(crate) fn sign_until(&self, file: &str, (year, month, day): (i32, u8, u8)) {
        let mut params = CertificateParams::new(vec!["gateway.test".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, month, day);
        self.write(file, &params);
    }

    fn write(&self, file: &str, params: &CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (self.file(&format!("{file}.pem")), self.file(&format!("{file}-key.pem")));
        fs::write(&paths.0, cert.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    pub(crate) fn server(&self, client_certificates: ClientCertificates) -> ServerTls {
        let (cert_file, key_file) = self.sign("gateway", &["gateway.test"]);
        ServerTls {
            cert_file,
            key_file,
            ca_file: Some(self.ca()),
            client_certificates,
            http: HttpVersions::default(),
            min_version: MinVersion::default(),
            cipher_suites: CipherSuites::default(),
        }
    }

    pub(crate) fn client(&self, identity: Option<(PathBuf, PathBuf)>) -> ClientTls {
        ClientTls {
            authorities: Authorities::File(self.ca()),
            verification: Verification::On,
            identity,
            server_names: ServerNames::default(),
            min_version: MinVersion::default(),
            cipher_suites: CipherSuites::default(),
        }
    }
}

/// A caller's side that trusts the authority, and shows a certificate if it has one.
pub(crate) async fn connect(
    authority: &Authority,
    address: SocketAddr,
    identity: Option<&(PathBuf, PathBuf)>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    call_over(authority, TcpStream::connect(address).await.unwrap(), identity, alpn).await
}

/// The same over a connection on which something may have been said before.
pub(crate) async fn call_over(
    authority: &Authority,
    stream: TcpStream,
    identity: Option<&(PathBuf, PathBuf)>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.ca()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(cert).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("gateway.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
