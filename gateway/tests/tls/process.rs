//! `serve` as a person runs it, with TLS on both sides.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
};

use crate::{
    hello::{NODE, stats_path},
    running::{Agents, Serve, check, read_all},
};

#[test]
fn a_call_goes_over_tls_all_the_way() {
    let agents = Agents::new();
    let serve = Serve::start_configured(&agents.config(""));
    for (path, way) in [(stats_path(), "Direct"), ("/v1/jobs".to_owned(), "Pass")] {
        let answer = read_all(serve.send(&agents.authority, None, &path));
        let way = format!("X-Nomad-Gateway-Path: {}", way.to_lowercase());
        assert!(answer.contains(&way) && answer.ends_with("\r\n\r\nknown"), "{answer}");
    }
}

#[test]
fn an_agent_with_the_name_of_another_is_refused_with_the_reason() {
    // A node that poses as a server is none; its certificate was signed by the right authority.
    let agents = Agents::with_names("client.global.nomad", "client.global.nomad");
    let serve = Serve::start_configured(&agents.config(""));
    let answer = read_all(serve.send(&agents.authority, None, "/v1/jobs"));
    assert!(answer.starts_with("HTTP/1.1 5"), "{answer}");
    let advice = "give the agent a certificate for that name";
    serve.wait_for_log(&["no TLS with an agent", "TLS as \\\"server.global.nomad", advice]);
    // A server that poses as a node: the real server is asked instead.
    let agents = Agents::with_names("server.global.nomad", "server.global.nomad");
    let serve = Serve::start_configured(&agents.config(""));
    let answer = read_all(serve.send(&agents.authority, None, &stats_path()));
    assert!(answer.contains("X-Nomad-Gateway-Path: relay"), "{answer}");
    serve.wait_for_log(&["no TLS with an agent", "TLS as \\\"client.global.nomad", advice]);
}

#[test]
fn new_certificates_are_read_while_a_stream_is_open() {
    let agents = Agents::new();
    let serve = Serve::start_configured(&agents.config(""));
    let (cert, _) = agents.authority.sign("gateway", &["gateway.test"]);
    serve.wait_for_certificate(&agents.authority, &cert);
    let path = format!("/v1/agent/monitor?node_id={NODE}&plain=true");
    let mut stream = BufReader::new(serve.send(&agents.authority, None, &path));
    let mut begun = String::new();
    while !begun.ends_with("one\n") {
        assert_ne!(stream.read_line(&mut begun).unwrap(), 0, "{begun}");
    }
    // On a signal.
    agents.authority.sign("gateway", &["gateway.test"]);
    let id = rustix::process::Pid::from_child(&serve.child);
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    serve.wait_for_certificate(&agents.authority, &cert);
    // By itself.
    agents.authority.sign("gateway", &["gateway.test"]);
    serve.wait_for_certificate(&agents.authority, &cert);
    agents.resume_stream.send(()).unwrap();
    let rest = read_all(stream);
    assert!(rest.contains("two") && rest.ends_with("0\r\n\r\n"), "{rest}");
}

#[test]
fn client_certificates_are_optional_or_demanded() {
    let agents = Agents::new();
    let known = agents.authority.sign("caller", &["caller.test"]);
    let ca = format!("  ca_file = \"{}\"\n", agents.authority.ca().display());
    for (tls, without) in
        [(ca.clone(), true), (format!("{ca}  verify_https_client = true\n"), false)]
    {
        let serve = Serve::start_configured(&agents.config(&tls));
        for (identity, passes) in [(None, without), (Some(&known), true)] {
            let answer = read_all(serve.send(&agents.authority, identity, "/v1/jobs"));
            assert_eq!(answer.ends_with("known"), passes, "{tls} {identity:?}: {answer}");
        }
    }
}

#[test]
fn the_environment_is_understood_as_nomads_command_line_understands_it() {
    let agents = Agents::with_names("localhost", "client.global.nomad");
    let ca = agents.authority.ca();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&ca, folder.path().join("ca.pem")).unwrap();
    let (ca, folder) = (ca.to_str().unwrap(), folder.path().to_str().unwrap());
    let port = agents.server.port();
    let (by_ip, by_name) =
        (format!("https://127.0.0.1:{port}"), format!("https://localhost:{port}"));
    let name = ("NOMAD_TLS_SERVER_NAME", "localhost");
    for env in [
        // The name is that of servers; nodes have their own.
        vec![("NOMAD_ADDR", by_ip.as_str()), ("NOMAD_CACERT", ca), name],
        vec![("NOMAD_ADDR", &by_ip), ("NOMAD_CAPATH", folder), name],
        vec![("NOMAD_ADDR", &by_ip), ("NOMAD_SKIP_VERIFY", "true")],
        // Without any the system's own authorities sign, and the server has the name that it is called by.
        vec![("NOMAD_ADDR", &by_name), ("SSL_CERT_FILE", ca)],
    ] {
        let serve = Serve::start(&[], &env);
        if env.iter().any(|(name, _)| *name == "NOMAD_SKIP_VERIFY") {
            serve.wait_for_log(&["agents are not verified"]);
        }
        let answer = serve.send_plain(&stats_path());
        assert!(answer.contains("X-Nomad-Gateway-Path: direct"), "{env:?}: {answer}");
        assert!(answer.ends_with("a stranger"), "{env:?}: {answer}");
    }
    // With an authority that signs for the cluster alone, the server has the name of its role.
    let env = [("NOMAD_ADDR", by_name.as_str()), ("NOMAD_CACERT", ca)];
    let serve = Serve::start(&[], &env);
    serve.wait_for_log(&[
        "TLS as \\\"server.global.nomad",
        "give the agent a certificate for that name",
    ]);
}

#[test]
fn check_tells_what_is_wrong_with_files_where_they_are_named() {
    let agents = Agents::new();
    let file = agents.config("");
    let (output, said) = check(&file, &[]);
    assert!(output.status.success(), "{said}");
    let authority = &agents.authority;
    // Line 5 is `ca_file`, 6 and 7 the pair for agents, 12 and 13 the one for callers.
    let cli = authority.file("cli.pem");
    fs::remove_file(&cli).unwrap();
    let (_, said) = check(&file, &[]);
    assert!(said.contains("file:6:5: nomad.tls.cert_file: cannot read"), "{said}");
    authority.sign("cli", &["cli.global.nomad"]);
    fs::copy(authority.file("cli-key.pem"), authority.file("gateway-key.pem")).unwrap();
    let (_, said) = check(&file, &[]);
    assert!(said.contains("file:13:3: tls.key_file: the key in "), "{said}");
    authority.sign_until("gateway", (2020, 2, 1));
    let (output, said) = check(&file, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("file:12:3: tls.cert_file: ") && said.contains("ended on 2020-02-01"),
        "{said}"
    );
    let (_, said) = check(&file, &[("NOMAD_CACERT", "/nowhere"), ("NOMAD_SKIP_VERIFY", "maybe")]);
    assert!(said.contains("--ca-cert: nomad.tls.ca_file: cannot read /nowhere"), "{said}");
    assert!(
        said.contains("--tls-skip-verify: nomad.tls.skip_verify: must be true or false"),
        "{said}"
    );
}

#[test]
fn a_certificate_that_ended_is_served_with() {
    let agents = Agents::new();
    let file = agents.config("");
    agents.authority.sign_until("gateway", (2020, 2, 1));
    let serve = Serve::start_configured(&file);
    let mut stream = serve.send(&agents.authority, None, "/v1/gateway/health");
    let refused = stream.read(&mut [0]).unwrap_err().to_string();
    assert!(refused.contains("expired"), "this caller minds: {refused}");
    serve.wait_for_log(&["a certificate does not hold", "ended on 2020-02-01"]);
}
