//! Certificates made for one test, and callers over TLS.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;

use crate::process::open;

/// Files of a certificate and its key.
pub(crate) type CertificateAndKey = (PathBuf, PathBuf);

/// An authority and the files of those it signed.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
}

pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), dir }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Writes certificate and key for this name, over those that stand there.
    pub(crate) fn sign(&self, file: &str, name: &str) -> CertificateAndKey {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.dir.path().join(format!("{file}{end}"));
        let pair = (path(".pem"), path("-key.pem"));
        fs::write(&pair.0, cert.pem()).unwrap();
        fs::write(&pair.1, key.serialize_pem()).unwrap();
        pair
    }

    /// A `tls` block with the certificate called `agent`, and whatever else it should say.
    pub(crate) fn tls_block(&self, more: &str) -> String {
        let file = |name: &str| self.dir.path().join(name);
        format!(
            "tls {{\n  http = true\n  ca_file = {:?}\n  cert_file = {:?}\n  key_file = {:?}\n  {more}\n}}\n",
            self.ca(),
            file("agent.pem"),
            file("agent-key.pem"),
        )
    }

    /// Shakes hands with whoever has a certificate for `name`.
    pub(crate) fn connect(
        &self,
        address: &str,
        name: &'static str,
        identity: Option<&CertificateAndKey>,
    ) -> io::Result<TlsStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.ca()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = vec![CertificateDer::from_pem_file(cert).unwrap()];
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
                    .unwrap()
            }
        };
        let name = ServerName::try_from(name).unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut tcp = open(address);
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(StreamOwned::new(tls, tcp))
    }
}

/// Reads until the text has come.
pub(crate) fn read_until(
    stream: &mut (impl Read + Write),
    wanted: impl Fn(&str) -> bool,
) -> String {
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if wanted(&text) {
            return text;
        }
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "it ended after {text:?}");
        seen.extend_from_slice(&piece[..length]);
    }
}
