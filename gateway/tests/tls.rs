//! TLS on both sides, with certificates made for each test.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nomad_acl::AclDisabled;
use nomad_forward::{Agent, Table};
use nomad_gateway::{
    Gateway, Stopper,
    listen::Listener,
    tls::{
        Acceptor, ClientCertificates, ClientTls, MinVersion, Reload, ServerNames, ServerTls,
        TlsConnect, TlsError, watch,
    },
};
use nomad_wire::Region;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const LIMIT: Duration = Duration::from_secs(20);

/// An authority and the files of those it signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Writes `<file>.pem` and `<file>-key.pem` for these names.
    fn sign(&self, file: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let params = CertificateParams::new(names).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (self.file(&format!("{file}.pem")), self.file(&format!("{file}-key.pem")));
        fs::write(&paths.0, cert.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    fn server(&self, client_certificates: ClientCertificates) -> ServerTls {
        let (cert_file, key_file) = self.sign("gateway", &["gateway.test"]);
        let ca_file = Some(self.ca());
        let min_version = MinVersion::default();
        ServerTls { cert_file, key_file, ca_file, client_certificates, min_version }
    }

    fn client(&self, identity: Option<(PathBuf, PathBuf)>) -> ClientTls {
        let (server_names, min_version) = (ServerNames::default(), MinVersion::default());
        ClientTls { ca_file: self.ca(), identity, server_names, min_version }
    }
}

/// A caller's side that trusts the authority, and shows a certificate if it has one.
async fn call(
    authority: &Authority,
    address: SocketAddr,
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
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("gateway.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// One request and its answer, over a stream that stays open.
async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"agent says hello") && !answer.ends_with(b"No path to node") {
        if timeout(LIMIT, stream.read_buf(&mut answer)).await.unwrap()? == 0 {
            break;
        }
    }
    Ok(String::from_utf8(answer).unwrap())
}

/// An agent that says hello to whoever gets through, over TLS if it has settings.
async fn agent(tls: Option<Acceptor>) -> SocketAddr {
    let listener = match tls {
        // The listener of the gateway serves agents as well: it knows only a service.
        Some(acceptor) => Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor),
        None => Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap(),
    };
    let address = listener.address();
    tokio::spawn(async move {
        let stopper = Stopper::new(Duration::ZERO);
        listener.serve(Hello, stopper.listen()).await;
    });
    address
}

/// Says hello.
#[derive(Clone)]
struct Hello;

impl tower_service::Service<http::Request<hyper::body::Incoming>> for Hello {
    type Response = http::Response<http_body_util::Full<bytes::Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<hyper::body::Incoming>) -> Self::Future {
        std::future::ready(Ok(http::Response::new("agent says hello".into())))
    }
}

fn fleet(agent: SocketAddr) -> Table {
    let region = Region::default();
    let client = Agent::client("client1", NODE.parse().unwrap(), region.clone(), agent).unwrap();
    Table::builder(region).agent(client).build()
}

fn stats() -> String {
    format!("/v1/client/stats?node_id={NODE}")
}

/// A gateway that speaks TLS with callers, in front of an agent without.
async fn gateway(acceptor: Acceptor) -> (SocketAddr, Stopper) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor);
    let address = listener.address();
    let stopper = Stopper::new(Duration::ZERO);
    let gateway = Gateway::new(fleet(agent(None).await), AclDisabled);
    tokio::spawn(gateway.serve(listener, stopper.listen()));
    (address, stopper)
}

#[tokio::test]
async fn callers_are_served_over_tls_with_http_1_1() {
    let authority = Authority::new();
    let settings = authority.server(ClientCertificates::Ignored);
    let (address, _stopper) = gateway(Acceptor::load(settings).unwrap()).await;
    let mut stream = call(&authority, address, None, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..2 {
        let answer = ask(&mut stream, &stats()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    let answer = ask(&mut plain, "/v1/jobs").await.unwrap();
    assert!(answer.contains("Client sent an HTTP request to an HTTPS server."), "{answer}");
}

#[tokio::test]
async fn client_certificates_are_demanded_or_looked_at() {
    let authority = Authority::new();
    let (known, unknown) = (authority.sign("caller", &["caller.test"]), Authority::new());
    let unknown = unknown.sign("caller", &["caller.test"]);
    for (wanted, shown, passes) in [
        (ClientCertificates::Required, None, false),
        (ClientCertificates::Required, Some(&known), true),
        (ClientCertificates::Required, Some(&unknown), false),
        (ClientCertificates::Optional, None, true),
        (ClientCertificates::Optional, Some(&known), true),
        (ClientCertificates::Optional, Some(&unknown), false),
    ] {
        let acceptor = Acceptor::load(authority.server(wanted)).unwrap();
        let (address, _stopper) = gateway(acceptor).await;
        // With TLS 1.3 a refusal reaches the caller at its first reading.
        let answer = match call(&authority, address, shown, &[]).await {
            Ok(mut stream) => ask(&mut stream, &stats()).await,
            Err(error) => Err(error),
        };
        let passed = answer.as_ref().is_ok_and(|answer| answer.ends_with("agent says hello"));
        assert_eq!(passed, passes, "{wanted:?} {shown:?}: {answer:?}");
    }
}

/// The certificate that a new connection is shown.
async fn shown(authority: &Authority, address: SocketAddr) -> Vec<u8> {
    let stream = call(authority, address, None, &[]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn der(file: &Path) -> Vec<u8> {
    CertificateDer::from_pem_file(file).unwrap().to_vec()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let authority = Authority::new();
    let settings = authority.server(ClientCertificates::Ignored);
    let acceptor = Acceptor::load(settings.clone()).unwrap();
    let (address, stopper) = gateway(acceptor.clone()).await;
    let mut old = call(&authority, address, None, &[]).await.unwrap();
    assert!(ask(&mut old, &stats()).await.unwrap().ends_with("hello"));
    assert_eq!(shown(&authority, address).await, der(&settings.cert_file));

    let parts: Vec<Arc<dyn Reload>> = vec![Arc::new(acceptor.clone())];
    tokio::spawn(watch(parts, Duration::from_millis(5), stopper.listen()));
    authority.sign("gateway", &["gateway.test"]);
    let changed = async {
        while shown(&authority, address).await != der(&settings.cert_file) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, changed).await.expect("the new certificate is never shown");
    assert!(ask(&mut old, &stats()).await.unwrap().ends_with("hello"));

    // A key that does not fit is told, and what was good stays.
    let good = der(&settings.cert_file);
    let (_, other_key) = authority.sign("other", &["gateway.test"]);
    stopper.stop();
    fs::copy(other_key, &settings.key_file).unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::Pair { .. })));
    assert_eq!(acceptor.files().len(), 3);
    assert_eq!(der(&settings.cert_file), good);
}

#[tokio::test]
async fn agents_are_verified_by_role_and_see_who_the_gateway_is() {
    let authority = Authority::new();
    let own = authority.sign("cli", &["cli.global.nomad"]);
    for (names, identity, passes) in [
        (["client.global.nomad"], Some(own.clone()), true),
        (["server.global.nomad"], Some(own.clone()), false),
        (["client.mars.nomad"], Some(own), false),
        (["client.global.nomad"], None, false),
    ] {
        let (cert_file, key_file) = authority.sign("agent", &names);
        let settings =
            ServerTls { cert_file, key_file, ..authority.server(ClientCertificates::Required) };
        let agent = agent(Some(Acceptor::load(settings).unwrap())).await;
        let connect = TlsConnect::load(authority.client(identity.clone())).unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let stopper = Stopper::new(Duration::ZERO);
        let gateway = Gateway::new(fleet(agent), AclDisabled).connect(connect);
        tokio::spawn(gateway.serve(listener, stopper.listen()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {} HTTP/1.0\r\n\r\n", stats());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LIMIT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!(
            answer.ends_with("agent says hello"),
            passes,
            "{names:?} {identity:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn errors_towards_agents_say_what_to_do() {
    use nomad_forward::connect::Connect as _;
    let (authority, other) = (Authority::new(), Authority::new());
    let serve = |names: &[&str]| {
        let (cert_file, key_file) = authority.sign("agent", names);
        let settings = authority.server(ClientCertificates::Ignored);
        Acceptor::load(ServerTls { cert_file, key_file, ..settings }).unwrap()
    };
    let named = agent(Some(serve(&["client.mars.nomad"]))).await;
    let plain = agent(None).await;
    for (trusted, address, advice) in [
        (&authority, named, "give the agent a certificate for that name"),
        (&other, named, "ca_file must hold the authority"),
        (&authority, plain, "does the agent speak TLS there"),
    ] {
        let connect = TlsConnect::load(trusted.client(None)).unwrap();
        let region = Region::default();
        let agent = Agent::client("client1", NODE.parse().unwrap(), region, address).unwrap();
        let error = connect.connect(&agent).await.err().unwrap().to_string();
        assert!(error.contains(advice) && error.contains("\"client.global.nomad\""), "{error}");
    }
}

#[test]
fn files_that_cannot_be_used_are_told_with_what_to_do() {
    let authority = Authority::new();
    let sound = authority.server(ClientCertificates::Ignored);
    let load = |settings: ServerTls| Acceptor::load(settings).unwrap_err().to_string();
    let write = |name: &str, text: &str| {
        let file = authority.file(name);
        fs::write(&file, text).unwrap();
        file
    };
    let missing = ServerTls { cert_file: authority.file("nothing.pem"), ..sound.clone() };
    assert!(load(missing).starts_with("cannot read "));
    let empty = ServerTls { cert_file: write("empty.pem", ""), ..sound.clone() };
    assert!(load(empty).contains("-----BEGIN CERTIFICATE-----"));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = ServerTls { key_file: write("locked.pem", encrypted), ..sound.clone() };
    assert!(load(locked).contains("openssl pkey"));
    let swapped = ServerTls { key_file: sound.cert_file.clone(), ..sound.clone() };
    assert!(load(swapped).contains("no private key"));
    let (_, other) = authority.sign("other", &["gateway.test"]);
    assert!(load(ServerTls { key_file: other, ..sound.clone() }).contains("does not go with"));
    let wanted = ClientCertificates::Required;
    let lone = ServerTls { ca_file: None, client_certificates: wanted, ..sound };
    assert!(load(lone).contains("ca_file must name who signs them"));
}

#[tokio::test(start_paused = true)]
async fn who_never_shakes_hands_is_let_go() {
    let authority = Authority::new();
    let settings = authority.server(ClientCertificates::Ignored);
    let (address, _stopper) = gateway(Acceptor::load(settings).unwrap()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(3600), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty());
}
