//! `serve` as a process, and agents that speak TLS.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use crate::{
    authority::Authority,
    hello::{LIMIT, NODE},
};

const MEMBERS: &str = r#"{"Members":[{"Name":"server1.global","Addr":"127.0.0.1","Status":"alive",
    "Tags":{"role":"nomad","region":"global","port":"4647","id":"078367fb-eec8-87bf-8d99-0c0a5e3f7c7c"}}],
    "ServerName":"server1","ServerRegion":"global","ServerDC":"dc1"}"#;

/// A server and a node that speak TLS and demand a certificate; each connection carries one answer.
pub(crate) struct Agents {
    pub(crate) authority: Authority,
    pub(crate) server: SocketAddr,
    /// Ends the pause in the middle of a stream.
    pub(crate) resume_stream: mpsc::Sender<()>,
}

/// What an agent needs to answer.
#[derive(Clone)]
struct Script {
    tls: Arc<ServerConfig>,
    node: Option<SocketAddr>,
    resume_stream: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Agents {
    /// The names that their certificates have.
    pub(crate) fn with_names(server: &str, node: &str) -> Self {
        let authority = Authority::new();
        let (go_on, pause) = mpsc::channel();
        let pause = Arc::new(Mutex::new(pause));
        let tls = |name| config(&authority, name);
        let script = Script { tls: tls(node), node: None, resume_stream: pause };
        let node = start(script.clone());
        let server = start(Script { tls: tls(server), node: Some(node), ..script });
        Self { authority, server, resume_stream: go_on }
    }

    pub(crate) fn new() -> Self {
        Self::with_names("server.global.nomad", "client.global.nomad")
    }

    /// A configuration with TLS on both sides; `tls` is what the block for callers says besides.
    pub(crate) fn config(&self, tls: &str) -> PathBuf {
        let own = self.authority.sign("cli", &["cli.global.nomad"]);
        self.authority.sign("gateway", &["gateway.test"]);
        let folder = self.authority.ca();
        let folder = folder.parent().unwrap().display();
        let (cert, key) = (own.0.display(), own.1.display());
        let text = format!(
            r#"region = "global"
nomad {{
  address = "https://{}"
  tls {{
    ca_file   = "{folder}/ca.pem"
    cert_file = "{cert}"
    key_file  = "{key}"
  }}
}}
tls {{
  http      = true
  cert_file = "{folder}/gateway.pem"
  key_file  = "{folder}/gateway-key.pem"
{tls}
}}
"#,
            self.server
        );
        let file = self.authority.file("gateway.hcl");
        fs::write(&file, text).unwrap();
        file
    }
}

fn config(authority: &Authority, name: &str) -> Arc<ServerConfig> {
    let (cert, key) = authority.sign(name, &[name]);
    let verifier = WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots(authority)),
        Arc::new(default_provider()),
    );
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let built = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![der(&cert)], PrivateKeyDer::from_pem_file(key).unwrap());
    Arc::new(built.unwrap())
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.ca())).unwrap();
    roots
}

pub(crate) fn der(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).unwrap()
}

fn start(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = script.clone();
            // Who does not shake hands gets no answer.
            std::thread::spawn(move || drop(respond(stream, &script)));
        }
    });
    address
}

fn respond(stream: TcpStream, script: &Script) -> std::io::Result<()> {
    let own = stream.local_addr()?;
    let tls = ServerConnection::new(Arc::clone(&script.tls)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(tls, stream));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let mut stream = stream.into_inner();
    let who = if stream.conn.peer_certificates().is_some() { "known" } else { "a stranger" };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let node = script.node.unwrap_or(own);
    let body = match path {
        "/v1/agent/members" => MEMBERS.to_owned(),
        "/v1/agent/health" => r#"{"server":{"ok":true,"message":"ok"}}"#.to_owned(),
        "/v1/status/leader" => r#""127.0.0.1:4647""#.to_owned(),
        "/v1/nodes" => format!(r#"[{{"ID":"{NODE}","Name":"client1","Status":"ready"}}]"#),
        "/v1/client/stats" | "/v1/jobs" => who.to_owned(),
        "/v1/agent/monitor" => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n",
            )?;
            let _ended = script.resume_stream.lock().unwrap().recv();
            return stream.write_all(b"4\r\ntwo\n\r\n0\r\n\r\n");
        }
        path if path.starts_with("/v1/node/") => {
            format!(r#"{{"ID":"{NODE}","Name":"client1","HTTPAddr":"{node}","TLSEnabled":true}}"#)
        }
        _ => {
            return stream.write_all(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\nACL support disabled",
            );
        }
    };
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes())
}

/// A running `serve`, ended with the test in any case.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    log: mpsc::Receiver<String>,
}

/// The program without the variables of whoever runs the tests.
pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    let ours = |name: &str| name.starts_with("NOMAD_") || name.starts_with("SSL_CERT_");
    for (variable, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(variable);
    }
    command.arg(name);
    command
}

impl Serve {
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = command("serve");
        command.args(args).args(["--listen", "127.0.0.1:0"]).envs(env.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (line, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|said| line.send(said))
        });
        let mut banner = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut banner).unwrap();
        let (_, address) = banner.split_once("://").unwrap();
        let address = address.split_once(": ").unwrap().0.parse().unwrap();
        Self { child, address, log }
    }

    pub(crate) fn start_configured(file: &Path) -> Self {
        Self::start(&["--config", file.to_str().unwrap()], &[])
    }

    /// A connection over TLS, on which a request for `path` is made.
    pub(crate) fn send(
        &self,
        authority: &Authority,
        identity: Option<&(PathBuf, PathBuf)>,
        path: &str,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(authority));
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => builder
                .with_client_auth_cert(vec![der(cert)], PrivateKeyDer::from_pem_file(key).unwrap())
                .unwrap(),
        };
        let name = ServerName::try_from("gateway.test").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(tls, self.connect_plain());
        // What the gateway thinks of it shows when the answer is read.
        drop(stream.write_all(request(path).as_bytes()));
        stream
    }

    pub(crate) fn connect_plain(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// The whole answer without TLS.
    pub(crate) fn send_plain(&self, path: &str) -> String {
        let mut stream = self.connect_plain();
        stream.write_all(request(path).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits for a line of the log with all of these in it.
    pub(crate) fn wait_for_log(&self, texts: &[&str]) {
        let has_all = |line: &String| texts.iter().all(|text| line.contains(text));
        while !has_all(&self.log.recv_timeout(LIMIT).expect("the log does not say it")) {}
    }

    /// Waits until new connections are shown this certificate.
    pub(crate) fn wait_for_certificate(&self, authority: &Authority, cert: &Path) {
        let since = Instant::now();
        loop {
            let mut stream = self.send(authority, None, "/v1/gateway/health");
            drop(stream.read(&mut [0]));
            if stream.conn.peer_certificates().is_some_and(|shown| shown[0] == der(cert)) {
                return;
            }
            assert!(since.elapsed() < LIMIT, "the new certificate is never shown");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n")
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything up to the end, however it ends.
pub(crate) fn read_all(mut stream: impl std::io::Read) -> String {
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

pub(crate) fn check(file: &Path, env: &[(&str, &str)]) -> (Output, String) {
    let mut command = command("check");
    let output = command.arg("--config").arg(file).envs(env.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).replace(file.to_str().unwrap(), "file");
    (output, said)
}
