//! Where `serve` listens, and how much each caller gets.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Stdio,
};

use crate::{
    hello::{LIMIT, NODE},
    running::{Agents, Serve, check, command, read_all, request},
};

/// What is said at an address, without TLS.
fn health_response(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request("/v1/gateway/health").as_bytes()).unwrap();
    read_all(stream)
}

#[test]
fn several_addresses_are_served() {
    let agents = Agents::new();
    let file = agents.authority.file("several.hcl");
    let text = "addresses {\n  http = \"127.0.0.1 127.0.0.2\"\n}\nports {\n  http = 0\n}\n\
        nomad {\n  address = \"http://127.0.0.1:1\"\n}\n";
    fs::write(&file, text).unwrap();
    let mut child =
        command("serve").arg("--config").arg(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut banner = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut banner).unwrap();
    let shown = banner.strip_prefix("Gateway serves ").unwrap().split_once(": ").unwrap().0;
    let addresses: Vec<SocketAddr> = shown
        .split(", ")
        .map(|url| url.strip_prefix("http://").unwrap().parse().unwrap())
        .collect();
    let answers: Vec<_> = addresses.iter().map(|address| health_response(*address)).collect();
    drop(child.kill());
    drop(child.wait());
    assert_eq!(addresses.len(), 2, "{banner}");
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[test]
fn one_client_gets_so_many_connections_and_is_told() {
    let agents = Agents::new();
    let file = agents.config("");
    let text = fs::read_to_string(&file).unwrap();
    // Without TLS for callers, whose refusal is easier to read.
    let text = text.replace("http      = true", "http      = false");
    fs::write(&file, format!("{text}limits {{\n  http_max_conns_per_client = 2\n}}\n")).unwrap();
    let serve = Serve::start_configured(&file);
    let ask = |stream: &mut TcpStream| {
        let text = request("/v1/gateway/health").replace("connection: close\r\n", "");
        stream.write_all(text.as_bytes()).unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        String::from_utf8(begun.to_vec()).unwrap()
    };
    let (mut one, mut two) = (serve.connect_plain(), serve.connect_plain());
    assert_eq!((&*ask(&mut one), &*ask(&mut two)), ("HTTP/1.1 200", "HTTP/1.1 200"));
    let refused = read_all(serve.connect_plain());
    assert!(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{refused}");
    drop(one);
    // The place comes free when the gateway has seen the end.
    while !health_response(serve.address).starts_with("HTTP/1.1 200") {
        std::thread::yield_now();
    }
}

#[test]
fn a_client_over_tls_is_told_over_tls() {
    let agents = Agents::new();
    let file = agents.config("");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}limits {{\n  http_max_conns_per_client = 1\n}}\n")).unwrap();
    let serve = Serve::start_configured(&file);
    let path = format!("/v1/agent/monitor?node_id={NODE}&plain=true");
    let mut open = serve.send(&agents.authority, None, &path);
    open.read_exact(&mut [0]).unwrap();
    let refused = read_all(serve.send(&agents.authority, None, "/v1/gateway/health"));
    assert!(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{refused}");
    agents.resume_stream.send(()).unwrap();
    assert!(read_all(open).contains("two"));
}

#[test]
fn wrong_limits_and_addresses_are_told_with_their_place() {
    let agents = Agents::new();
    let file = agents.config("  tls_cipher_suites = \"TLS_RSA_WITH_AES_128_CBC_SHA\"\n");
    let text = fs::read_to_string(&file).unwrap();
    let more = r#"addresses {
  http = "127.0.0.1 {{ GetPrivateIP }}"
}
limits {
  http_max_conns_per_client = -1
  https_handshake_timeout   = "0s"
}
"#;
    fs::write(&file, format!("{more}{text}")).unwrap();
    let (_, said) = check(&file, &[]);
    for fault in [
        "file:2:3: addresses.http: \"{{\" is no IP address",
        "file:5:3: limits.http_max_conns_per_client: must be a number in range",
        "file:6:3: limits.https_handshake_timeout: must be more than 0",
        "tls.tls_cipher_suites: TLS_RSA_WITH_AES_128_CBC_SHA is too weak",
    ] {
        assert!(said.contains(fault), "{fault} is not in {said}");
    }
    // One that does not go with the key of the certificate, which is one for elliptic curves.
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    let file = agents.config(&format!("  tls_cipher_suites = \"{suite}\"\n"));
    let (_, said) = check(&file, &[]);
    assert!(said.contains("tls.tls_cipher_suites: none of the suites goes with the key"), "{said}");
}
