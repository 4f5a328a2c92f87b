//! TLS for callers.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use nomad_gateway::tls::{Acceptor, ClientCertificates, Reload, TlsError, watch_files};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    authority::{Authority, connect},
    hello::{LIMIT, send, start_gateway, stats_path},
};

#[tokio::test]
async fn clients_are_served_over_tls_with_http_1_1() {
    let authority = Authority::new();
    let settings = authority.server(ClientCertificates::Ignored);
    let (address, _stopper) = start_gateway(Acceptor::load(settings).unwrap()).await;
    let mut stream = connect(&authority, address, None, &["http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..2 {
        let answer = send(&mut stream, &stats_path()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    let answer = send(&mut plain, "/v1/jobs").await.unwrap();
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
        let (address, _stopper) = start_gateway(acceptor).await;
        // With TLS 1.3 a refusal reaches the caller at its first reading.
        let answer = match connect(&authority, address, shown, &[]).await {
            Ok(mut stream) => send(&mut stream, &stats_path()).await,
            Err(error) => Err(error),
        };
        let passed = answer.as_ref().is_ok_and(|answer| answer.ends_with("agent says hello"));
        assert_eq!(passed, passes, "{wanted:?} {shown:?}: {answer:?}");
    }
}

/// The certificate that a new connection is shown.
async fn shown_certificate(authority: &Authority, address: SocketAddr) -> Vec<u8> {
    let stream = connect(authority, address, None, &[]).await.unwrap();
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
    let (address, stopper) = start_gateway(acceptor.clone()).await;
    let mut old = connect(&authority, address, None, &[]).await.unwrap();
    assert!(send(&mut old, &stats_path()).await.unwrap().ends_with("hello"));
    assert_eq!(shown_certificate(&authority, address).await, der(&settings.cert_file));

    let parts: Vec<Arc<dyn Reload>> = vec![Arc::new(acceptor.clone())];
    tokio::spawn(watch_files(parts, Duration::from_millis(5), stopper.subscribe()));
    authority.sign("gateway", &["gateway.test"]);
    let changed = async {
        while shown_certificate(&authority, address).await != der(&settings.cert_file) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, changed).await.expect("the new certificate is never shown");
    assert!(send(&mut old, &stats_path()).await.unwrap().ends_with("hello"));

    // A key that does not fit is told, and what was good stays.
    let good = der(&settings.cert_file);
    let (_, other_key) = authority.sign("other", &["gateway.test"]);
    stopper.start_drain();
    fs::copy(other_key, &settings.key_file).unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::Pair { .. })));
    assert_eq!(acceptor.files().len(), 3);
    assert_eq!(der(&settings.cert_file), good);
}

#[tokio::test(start_paused = true)]
async fn who_never_shakes_hands_is_let_go() {
    let authority = Authority::new();
    let settings = authority.server(ClientCertificates::Ignored);
    let usual = Acceptor::load(settings).unwrap();
    let longer = Duration::from_secs(60);
    for (acceptor, limit) in
        [(usual.clone(), Duration::from_secs(5)), (usual.handshake_timeout(Some(longer)), longer)]
    {
        let (address, _stopper) = start_gateway(acceptor).await;
        let since = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut rest = Vec::new();
        timeout(Duration::from_secs(3600), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.is_empty() && since.elapsed() >= limit, "{:?}", since.elapsed());
    }
}
