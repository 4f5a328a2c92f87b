//! An agent that speaks TLS: who gets through, for how long it is waited, and what a reload changes.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    authority::{Authority, read_until},
    process::{BOTH, Process, TestResponse, send_over, start_error, wait_until, write_config},
};

const NAME: &str = "server.global.nomad";
const SOON: Duration = Duration::from_secs(10);

/// An agent with a certificate of the authority, and what else its configuration says.
fn start_agent(authority: &Authority, dir: &std::path::Path, more: (&str, &str)) -> Process {
    authority.sign("agent", NAME);
    Process::start_configured(dir, &format!("{BOTH}{}{}", authority.tls_block(more.0), more.1))
}

fn health(authority: &Authority, agent: &Process) -> std::io::Result<TestResponse> {
    send_over(&mut authority.connect(&agent.http, NAME, None)?, "", "GET /v1/agent/health", "")
}

#[test]
fn calls_are_answered_over_tls_and_plain_ones_are_told() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let agent = start_agent(&authority, dir.path(), ("tls_min_version = \"tls13\"", ""));
    assert_eq!(health(&authority, &agent).unwrap().status, 200);
    let plain = agent.get("/v1/agent/health");
    assert_eq!(plain.status_and_text(), (400, "Client sent an HTTP request to an HTTPS server.\n"));
    let mut stream = authority.connect(&agent.http, NAME, None).unwrap();
    let shown = send_over(&mut stream, "", "GET /v1/agent/self", "").unwrap().json();
    let tls = &shown["config"]["TLSConfig"];
    assert_eq!((&tls["EnableHTTP"], &tls["VerifyHTTPSClient"]), (&true.into(), &false.into()));
    assert_eq!((&tls["EnableRPC"], &tls["TLSMinVersion"]), (&false.into(), &"tls13".into()));
    assert_eq!(tls["CAFile"], authority.ca().to_str().unwrap());
}

// An idle connection would hold one of the places that an address has.
#[test]
fn an_idle_connection_is_closed_at_the_timeout_and_a_stream_is_not() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let limit = "limits {\n  https_handshake_timeout = \"700ms\"\n}\n";
    let agent = start_agent(&authority, dir.path(), ("", limit));
    let mut stream = authority.connect(&agent.http, NAME, None).unwrap();
    stream.write_all(b"GET /v1/agent/monitor HTTP/1.1\r\nhost: agent\r\n\r\n").unwrap();
    let since = Instant::now();
    // One has not even begun to shake hands, the other has and asks nothing.
    let mut mute = agent.open();
    let mut idle = authority.connect(&agent.http, NAME, None).unwrap();
    assert!(!matches!(mute.read(&mut [0]), Ok(1..)));
    assert!(since.elapsed() >= Duration::from_millis(600), "{:?}", since.elapsed());
    assert!(!matches!(idle.read(&mut [0]), Ok(1..)));
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    // A beat a second: it lives three times as long as the limit.
    read_until(&mut stream, |seen| seen.matches("{}").count() >= 3);
    assert!(since.elapsed() >= Duration::from_millis(1400), "{:?}", since.elapsed());
}

#[test]
fn a_timeout_of_nothing_waits_for_ever() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let limit = "limits {\n  https_handshake_timeout = \"0\"\n}\n";
    let agent = start_agent(&authority, dir.path(), ("", limit));
    let mut idle = authority.connect(&agent.http, NAME, None).unwrap();
    assert_eq!(health(&authority, &agent).unwrap().status, 200);
    assert_eq!(send_over(&mut idle, "", "GET /v1/agent/health", "").unwrap().status, 200);
    let mut stream = authority.connect(&agent.http, NAME, None).unwrap();
    let shown = send_over(&mut stream, "", "GET /v1/agent/self", "").unwrap().json();
    assert_eq!(shown["config"]["Limits"]["HTTPSHandshakeTimeout"], "0s");
}

#[test]
fn a_connection_too_many_is_told_over_tls() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let limit = "limits {\n  http_max_conns_per_client = 2\n}\n";
    let agent = start_agent(&authority, dir.path(), ("", limit));
    let held = [0, 1].map(|_| {
        let mut stream = authority.connect(&agent.http, NAME, None).unwrap();
        stream.write_all(b"GET /v1/agent/monitor HTTP/1.1\r\nhost: agent\r\n\r\n").unwrap();
        stream
    });
    let mut said = String::new();
    authority.connect(&agent.http, NAME, None).unwrap().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{said}");
    for mut stream in held {
        read_until(&mut stream, |seen| seen.contains("{}"));
    }
}

#[test]
fn client_certificates_are_demanded_as_the_configuration_says_at_the_moment() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let demanding = format!("{BOTH}{}", authority.tls_block("verify_https_client = true"));
    let lenient = format!("{BOTH}{}", authority.tls_block(""));
    authority.sign("agent", NAME);
    let agent = Process::start_configured(dir.path(), &demanding);
    let caller = authority.sign("caller", "cli.global.nomad");
    let known = || {
        let mut stream = authority.connect(&agent.http, NAME, Some(&caller))?;
        send_over(&mut stream, "", "PUT /v1/agent/reload", "")
    };
    assert!(health(&authority, &agent).is_err());
    let elsewhere = Authority::new();
    let stranger = elsewhere.sign("stranger", "cli.global.nomad");
    let mut refused = authority.connect(&agent.http, NAME, Some(&stranger));
    assert!(refused.is_err() || send_over(refused.as_mut().unwrap(), "", "GET /", "").is_err());

    // What stands goes on; who comes now is asked no more.
    write_config(dir.path(), &lenient);
    assert_eq!(known().unwrap().status_and_text(), (200, ""));
    assert_eq!(health(&authority, &agent).unwrap().status, 200);
    write_config(dir.path(), &demanding);
    agent.signal(Signal::HUP);
    wait_until(SOON, "they are demanded again", || health(&authority, &agent).is_err());
    let mut stream = authority.connect(&agent.http, NAME, Some(&caller)).unwrap();
    let shown = send_over(&mut stream, "", "GET /v1/agent/self", "").unwrap().json();
    assert_eq!(shown["config"]["TLSConfig"]["VerifyHTTPSClient"], true);
}

#[test]
fn a_reload_takes_a_new_certificate_and_no_broken_one() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let text = |level: &str| format!("log_level = \"{level}\"\n{BOTH}{}", authority.tls_block(""));
    authority.sign("agent", NAME);
    let agent = Process::start_configured(dir.path(), &text("info"));
    let reload = |name| {
        let mut stream = authority.connect(&agent.http, name, None).unwrap();
        send_over(&mut stream, "", "PUT /v1/agent/reload", "").unwrap()
    };
    let pair = authority.sign("agent", "renewed.global.nomad");
    assert_eq!(reload(NAME).status_and_text(), (200, ""));
    assert!(authority.connect(&agent.http, NAME, None).is_err());
    // A key that does not go with it changes nothing, not even the log level, and is still 200.
    std::fs::write(&pair.1, "no key").unwrap();
    write_config(dir.path(), &text("debug"));
    assert_eq!(reload("renewed.global.nomad").status_and_text(), (200, ""));
    let mut stream = authority.connect(&agent.http, "renewed.global.nomad", None).unwrap();
    let shown = send_over(&mut stream, "", "GET /v1/agent/self", "").unwrap().json();
    assert_eq!(shown["config"]["LogLevel"], "INFO");
}

#[test]
fn what_cannot_be_served_is_a_start_up_error() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (cert, key) = authority.sign("agent", NAME);
    for (block, said) in [
        ("tls {\n  http = true\n}\n".to_owned(), "tls.http: needs cert_file and key_file"),
        (authority.tls_block("rpc = true"), "tls.rpc: only the HTTP API speaks TLS here"),
        (authority.tls_block("tls_min_version = \"tls10\""), "must be tls12 or tls13"),
        (
            format!(
                "tls {{\n  http = true\n  verify_https_client = true\n  cert_file = {cert:?}\n  key_file = {key:?}\n}}\n"
            ),
            "tls.ca_file: must be set",
        ),
        (
            authority.tls_block("").replace("agent-key.pem", "nowhere.pem"),
            "cannot speak TLS: cannot read",
        ),
    ] {
        let told = start_error(dir.path(), &format!("{BOTH}{block}"));
        assert!(told.contains(said), "{block}: {told}");
    }
}
