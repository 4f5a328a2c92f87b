//! How many connections an agent takes, on which addresses, and what it adds to its answers.

use std::{io::Read as _, time::Duration};

use crate::process::{BOTH, Process, open, send_over, start_error, wait_until};

const SOON: Duration = Duration::from_secs(10);

fn limits(text: &str) -> String {
    format!("{BOTH}limits {{\n{text}\n}}\n")
}

#[test]
fn a_limit_that_cannot_be_is_a_start_up_error() {
    let dir = tempfile::tempdir().unwrap();
    for (limit, said) in [
        ("https_handshake_timeout = \"bad\"", "error parsing https_handshake_timeout: "),
        ("https_handshake_timeout = \"-5s\"", "https_handshake_timeout must be >= 0"),
        ("http_max_conns_per_client = -1", "http_max_conns_per_client must be >= 0"),
        ("http_max_conns_per_client = \"many\"", "must be a number in range"),
    ] {
        let told = start_error(dir.path(), &limits(limit));
        assert!(told.contains(said) && told.contains("agent.hcl:15:"), "{limit}: {told}");
    }
}

#[test]
fn an_address_holds_only_so_many_connections() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Process::start_configured(dir.path(), &limits("http_max_conns_per_client = 2"));
    let mut held = [agent.open(), agent.open()];
    let mut said = String::new();
    agent.open().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{said}");
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Type: text/plain\r\n") && head.ends_with("close"), "{head}");
    let text = "Your IP is issuing too many concurrent connections, please rate limit your calls\n";
    assert_eq!(body, text);
    // Those who were there before are served.
    for stream in &mut held {
        let answer = send_over(stream, "", "GET /v1/agent/health", "").unwrap();
        assert_eq!(answer.status, 200);
    }
    drop(held);
    wait_until(SOON, "there is room again", || {
        send_over(&mut agent.open(), "", "GET /v1/agent/health", "")
            .is_ok_and(|told| told.status == 200)
    });
}

#[test]
fn without_a_limit_idle_connections_stay() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Process::start_configured(dir.path(), &limits("http_max_conns_per_client = 0"));
    let mut idle: Vec<_> = (0..10).map(|_| agent.open()).collect();
    assert_eq!(agent.get("/v1/agent/health").status, 200);
    for stream in &mut idle {
        assert_eq!(send_over(stream, "", "GET /v1/agent/health", "").unwrap().status, 200);
    }
    let limits = &agent.get("/v1/agent/self").json()["config"]["Limits"];
    assert_eq!(limits["HTTPMaxConnsPerClient"], 0);
    assert_eq!(limits["HTTPSHandshakeTimeout"], "5s");
}

#[test]
fn several_addresses_serve_the_same_agent() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{BOTH}addresses {{\n  http = \"127.0.0.1 127.0.0.2\"\n}}\n");
    let agent = Process::start_configured(dir.path(), &text);
    let [other] = agent.additional_addresses.as_slice() else {
        panic!("{:?}", agent.additional_addresses)
    };
    assert!(agent.http.starts_with("127.0.0.1:") && other.starts_with("127.0.0.2:"), "{other}");
    let there = send_over(&mut open(other), "", "GET /v1/agent/self", "").unwrap().json();
    assert_eq!(there["config"]["AdvertiseAddrs"]["HTTP"], agent.http);
    assert_eq!(there["member"], agent.get("/v1/agent/self").json()["member"]);

    let told = start_error(dir.path(), &format!("{BOTH}addresses {{\n  http = \"here\"\n}}\n"));
    assert!(told.contains("addresses.http: must be an IP address, or several"), "{told}");
}

#[test]
fn configured_headers_are_on_responses() {
    let dir = tempfile::tempdir().unwrap();
    let text = "http_api_response_headers {\n  Access-Control-Allow-Origin = \"*\"\n  X-Team = \"ops\"\n}\n";
    let agent = Process::start_configured(dir.path(), &format!("{BOTH}{text}"));
    for path in ["health", "health?wait=x", "self"] {
        let head = agent.get(&format!("/v1/agent/{path}")).head;
        assert!(head.contains("\r\naccess-control-allow-origin: *"), "{path}: {head}");
        assert!(head.contains("\r\nx-team: ops"), "{path}: {head}");
    }
    assert!(!agent.get("/v1/agent/foo").head.contains("x-team"));

    let wrong = "http_api_response_headers {\n  X-Team = \"a\\nsecond line\"\n}\n";
    let told = start_error(dir.path(), &format!("{BOTH}{wrong}"));
    assert!(told.contains("the value of \"X-Team\" cannot be sent"), "{told}");
    assert!(!told.contains("second line"), "{told}");
}
