//! The program in front of a cluster that follows a script: configuration, pass-through, rewriting, and the end.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

const MEMBERS: &str = r#"{"Members":[{"Name":"server1.global","Addr":"127.0.0.1","Status":"alive",
    "Tags":{"role":"nomad","region":"global","port":"4647","id":"078367fb-eec8-87bf-8d99-0c0a5e3f7c7c"}}],
    "ServerName":"server1","ServerRegion":"global","ServerDC":"dc1"}"#;

const OTHER_REGION_SERVER: &str = r#"{"Name":"server9.mars","Addr":"127.0.0.1","Status":"alive",
    "Tags":{"role":"nomad","region":"mars","port":"4647","id":"1111b9e7-0f99-38b8-af24-a5b640b80689"}}"#;

const POLICY: &str = r#"{"Name":"anonymous","Rules":"node { policy = \"read\" }","ModifyIndex":3}"#;

/// A server, and a node, that say what the script says; each connection carries one answer.
fn start_without_acls() -> SocketAddr {
    start(Acls::Off)
}

/// Whether the scripted server has ACLs. With them nobody may read allocations, and the anonymous may read nodes.
#[derive(Clone, Copy, PartialEq)]
enum Acls {
    Off,
    On,
    /// There is another region, in which a token is known that the own one does not know.
    OtherRegion,
    /// There is another region, in which ACLs are off.
    OffInOtherRegion,
    /// They tell nobody anything.
    DenyAll,
}

/// A management token of the own region, where there are two.
const MANAGEMENT_TOKEN: &str = "0a0b3b6a-3cb6-0a0b-3b6a-5a8a2f0f8f9b";

fn start(acls: Acls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || respond(stream, address, acls));
        }
    });
    address
}

fn respond(stream: TcpStream, address: SocketAddr, acls: Acls) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let uri = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    if path.starts_with("/v1/acl/") {
        return match acl_response(path, query, &head, acls) {
            Ok(body) => write_ok(stream, &body),
            Err((status, text)) => write_error(stream, status, text),
        };
    }
    let body = match path {
        "/v1/agent/members" | "/v1/nodes" if acls == Acls::DenyAll => {
            return write_error(stream, "403 Forbidden", "Permission denied");
        }
        "/v1/agent/members" if matches!(acls, Acls::OtherRegion | Acls::OffInOtherRegion) => {
            MEMBERS.replace("[{", &format!("[{OTHER_REGION_SERVER},{{"))
        }
        // It goes on until the gateway leaves.
        "/v1/agent/monitor" => {
            let line = r#"{"Data":"bGluZQo="}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
            let size = line.len();
            let chunk = format!("{size:x}\r\n{line}\r\n");
            drop(write!(&stream, "{head}Transfer-Encoding: chunked\r\n\r\n{chunk}"));
            drop(reader.read(&mut [0]));
            return;
        }
        "/v1/agent/self" | "/v1/agent/host" => "{}".to_owned(),
        "/v1/agent/members" => MEMBERS.to_owned(),
        "/v1/agent/health" => r#"{"server":{"ok":true,"message":"ok"}}"#.to_owned(),
        "/v1/status/leader" => r#""127.0.0.1:4647""#.to_owned(),
        "/v1/nodes" => format!(r#"[{{"ID":"{NODE}","Name":"client1","Status":"ready"}}]"#),
        "/v1/client/stats" => "measured".to_owned(),
        "/v1/operator/snapshot" => read_upload(&mut reader, &head),
        path if path.starts_with("/v1/allocation/") => {
            return write_error(stream, "500 Internal Server Error", "Unknown allocation");
        }
        path if path.starts_with("/v1/client/fs/") => {
            return write_error(stream, "403 Forbidden", "decided by the agent");
        }
        path if path.starts_with("/v1/node/") => format!(
            r#"{{"ID":"{NODE}","Name":"client1","HTTPAddr":"{address}","TLSEnabled":false}}"#
        ),
        // As the event stream of 2.0 does it: no length, no chunks, the end is the end of the connection.
        "/v1/event/stream" => {
            let event = format!(
                r#"{{"Index":7,"Events":[{{"Payload":{{"Node":{{"HTTPAddr":"{address}"}}}}}}]}}"#
            );
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            return write_text(stream, &format!("{head}{{}}\n{event}\n"));
        }
        "/ui/" => "<html>".to_owned(),
        _ => return write_error(stream, "404 Not Found", ""),
    };
    write_ok(stream, &body);
}

fn write_ok(stream: TcpStream, body: &str) {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    write_text(stream, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
}

/// What it says of tokens and policies: a body, or a status and a text.
fn acl_response(
    path: &str,
    query: &str,
    head: &str,
    acls: Acls,
) -> Result<String, (&'static str, &'static str)> {
    let is_elsewhere = query.contains("region=mars");
    let off = Err(("400 Bad Request", "ACL support disabled"));
    Ok(match (path, acls) {
        (_, Acls::OffInOtherRegion) if is_elsewhere => return off,
        // The token is known in the other region only.
        ("/v1/acl/token/self", Acls::OtherRegion) if is_elsewhere => {
            r#"{"AccessorID":"a","Name":"local","Type":"client","Policies":["agents"]}"#.to_owned()
        }
        ("/v1/acl/policy/agents", _) if is_elsewhere => {
            r#"{"Name":"agents","Rules":"agent { policy = \"write\" }","ModifyIndex":3}"#.to_owned()
        }
        ("/v1/acl/token/self", _) if head.contains(MANAGEMENT_TOKEN) => {
            r#"{"AccessorID":"b","Name":"operator","Type":"management"}"#.to_owned()
        }
        ("/v1/acl/token/self", _) => return Err(("403 Forbidden", "ACL token not found")),
        ("/v1/acl/policy/anonymous", Acls::On) => POLICY.to_owned(),
        ("/v1/acl/policy/anonymous", Acls::OffInOtherRegion) => {
            return Err(("404 Not Found", "ACL policy not found"));
        }
        ("/v1/acl/policy/anonymous", _) => return off,
        _ => return Err(("404 Not Found", "")),
    })
}

/// How many bytes of a body came.
fn read_upload(reader: &mut BufReader<TcpStream>, head: &str) -> String {
    let length = head.to_ascii_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    format!("{} bytes", body.len())
}

fn write_error(stream: TcpStream, status: &str, text: &str) {
    write_text(
        stream,
        &format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        ),
    );
}

fn write_text(mut stream: TcpStream, text: &str) {
    drop(stream.write_all(text.as_bytes()));
}

/// A running `serve`, ended with the test in any case.
struct Serve {
    child: Child,
    gateway: String,
    banner: String,
}

impl Serve {
    fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = command("serve");
        command.args(args).args(["--listen", "127.0.0.1:0"]).envs(env.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut banner = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut banner).unwrap();
        let (_, gateway) = banner.split_once("http://").unwrap();
        let (gateway, _) = gateway.split_once(": ").unwrap();
        Self { child, gateway: gateway.to_owned(), banner }
    }

    /// Head and body of an answer.
    fn send(&self, method: &str, path: &str, body: &[u8]) -> (String, String) {
        self.send_with_headers(method, path, "", body)
    }

    /// The same with more lines in the request's head.
    fn send_with_headers(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: &[u8],
    ) -> (String, String) {
        let mut stream = TcpStream::connect(&self.gateway).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (host, length) = (&self.gateway, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\n{lines}host: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program without the variables of whoever runs the tests.
fn command(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    for variable in
        ["NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_REGION", "NOMAD_CACERT", "NOMAD_CLIENT_CERT"]
    {
        command.env_remove(variable);
    }
    command.arg(name);
    command
}

fn write_file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn check(name: &str, text: &str) -> (Output, String) {
    let (_folder, file) = write_file(name, text);
    let output = command("check").arg("--config").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).replace(file.to_str().unwrap(), name);
    (output, said)
}

#[test]
fn an_address_in_the_environment_is_enough() {
    let server = start_without_acls();
    let serve = Serve::start(&[], &[("NOMAD_ADDR", &format!("http://{server}"))]);
    assert!(
        serve.banner.ends_with("1 servers with a verified address, 1 nodes\n"),
        "{}",
        serve.banner
    );
    let (head, body) = serve.send("GET", "/v1/client/stats?node_id=client1", b"");
    assert!(head.starts_with("http/1.1 200 ok") && body == "measured", "{head}");
    assert!(head.contains("x-nomad-gateway-path: direct"), "{head}");
    assert!(head.contains("x-nomad-gateway-agent: client1"), "{head}");
    let (head, body) = serve.send("GET", "/ui/", b"");
    assert!(head.contains("x-nomad-gateway-path: pass") && body == "<html>", "{head}");
    assert!(head.contains("x-nomad-gateway-agent: server1.global"), "{head}");
}

#[test]
fn an_own_token_that_is_refused_is_told_everywhere() {
    let server = format!("http://{}", start(Acls::DenyAll));
    let why = "the servers refuse the gateway's own token (nomad.token, --token, NOMAD_TOKEN)";
    let serve = Serve::start(&["--address", &server, "--token", "null"], &[]);
    assert!(serve.banner.contains(why), "{}", serve.banner);
    let (head, body) = serve.send("GET", "/v1/gateway/health", b"");
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    assert!(body.contains("\"ok\":true") && body.contains(&format!("\"degraded: {why}")), "{body}");
    let (_, body) = serve.send("GET", "/v1/gateway/metrics", b"");
    assert!(body.contains("nomad_gateway_own_token_refused 1"), "{body}");
    // A gateway without one asks with callers' tokens, which may be meant.
    let serve = Serve::start(&["--address", &server], &[]);
    assert!(serve.banner.contains("callers' own tokens are asked with"), "{}", serve.banner);
    let (_, body) = serve.send("GET", "/v1/gateway/health", b"");
    assert!(body.contains("\"message\":\"ok\""), "{body}");
}

#[test]
fn check_asks_the_servers_when_it_is_told_so() {
    let check = |address: &str, token: &str| {
        let mut command = command("check");
        command.args(["--live", "--address", address, "--token", token]);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let (code, said) = check(&format!("http://{}", start_without_acls()), "any");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 servers with a verified address, 1 nodes"), "{said}");
    let (code, said) = check(&format!("http://{}", start(Acls::DenyAll)), "null");
    assert!(code == 2 && said.contains("refuse the gateway's own token"), "{code} {said}");
    let (code, said) = check("http://127.0.0.1:1", "any");
    assert!(code == 2 && said.contains("no server has answered yet"), "{code} {said}");
}

#[test]
fn a_response_that_ends_with_its_connection_and_an_upload_pass() {
    let server = start_without_acls();
    let serve = Serve::start(&["--address", &format!("http://{server}")], &[]);
    let (head, body) = serve.send("GET", "/v1/event/stream", b"");
    assert!(head.starts_with("http/1.1 200 ok") && body.contains("{}\n"), "{head} {body}");
    let megabyte = vec![7; 1 << 20];
    let (_, body) = serve.send("PUT", "/v1/operator/snapshot", &megabyte);
    assert_eq!(body, "1048576 bytes");
}

#[test]
fn a_nodes_address_becomes_the_gateways_own() {
    let server = start_without_acls();
    for (mode, address) in
        [("off", Some(server.to_string())), ("blank", Some(String::new())), ("self", None)]
    {
        let text = format!(
            "rewrite_http_addr = \"{mode}\"\nservers {{\n  server1 = \"http://{server}\"\n}}\n"
        );
        let (_folder, file) = write_file("gateway.hcl", &text);
        let serve = Serve::start(&["--config", file.to_str().unwrap()], &[]);
        let (_, body) = serve.send("GET", &format!("/v1/node/{NODE}"), b"");
        let address = address.unwrap_or_else(|| serve.gateway.clone());
        assert!(body.contains(&format!("\"HTTPAddr\":\"{address}\"")), "{mode}: {body}");
        let (_, events) = serve.send("GET", "/v1/event/stream?topic=Node", b"");
        assert!(events.contains(&format!("\"HTTPAddr\":\"{address}\"")), "{mode}: {events}");
    }
}

#[test]
fn the_gateway_decides_what_it_knows_and_leaves_the_rest_to_the_agents() {
    let address = format!("http://{}", start(Acls::On));
    let serve = Serve::start(&["--address", &address], &[]);
    // The policy of the anonymous says it: nodes may be read, agents may not, and nothing may be written.
    let (head, _) = serve.send("GET", &format!("/v1/client/stats?node_id={NODE}"), b"");
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    let (head, body) = serve.send("GET", "/v1/agent/self", b"");
    assert!(head.starts_with("http/1.1 403 ") && body == "Permission denied", "{head}");
    assert!(!head.contains("x-nomad-gateway-agent"), "no agent was asked: {head}");
    // Whose the allocation is nobody may know, so that the agent's own answer comes back.
    let logs = format!("/v1/client/fs/logs/{NODE}?task=a&type=stdout");
    let (head, body) = serve.send("GET", &logs, b"");
    assert!(head.starts_with("http/1.1 403 ") && body == "decided by the agent", "{head} {body}");
    assert!(head.contains("x-nomad-gateway-path: relay"), "{head}");

    let text = format!("acl {{\n  mode = \"defer\"\n}}\nnomad {{\n  address = \"{address}\"\n}}\n");
    let (_folder, file) = write_file("gateway.hcl", &text);
    let serve = Serve::start(&["--config", file.to_str().unwrap()], &[]);
    let (head, _) = serve.send("GET", "/v1/agent/self", b"");
    assert!(head.contains("x-nomad-gateway-agent: server1.global"), "the agent decides: {head}");
}

#[test]
fn what_agents_leave_open_is_hardened() {
    let serve = Serve::start(&["--address", &format!("http://{}", start(Acls::On))], &[]);
    // The anonymous may read nodes and nothing else.
    for (method, path, status) in [
        ("GET", "/v1/metrics?format=prometheus", "403"),
        ("PUT", "/v1/agent/join?address=10.0.0.9", "403"),
        ("GET", "/debug/pprof/heap", "404"),
        ("GET", "/v1/event/stream?topic=Job", "403"),
        ("GET", "/v1/event/stream", "403"),
        ("GET", "/v1/event/stream?topic=Node", "200"),
    ] {
        let (head, body) = serve.send(method, path, b"");
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{path}: {head}");
        assert_eq!(head.contains("x-nomad-gateway-agent"), status == "200", "{path}: {head}");
        assert!(status != "403" || body == "Permission denied", "{path}: {body}");
    }
    let (_, body) =
        serve.send_with_headers("GET", "/v1/metrics", "accept: application/json\r\n", b"");
    assert_eq!(body, r#"{"error":"Permission denied","status":403}"#);
    let (head, body) = serve.send("GET", &format!("/v1/allocation/{NODE}"), b"");
    assert!(head.starts_with("http/1.1 404 ") && body == "Unknown allocation", "{head}");

    let serve = Serve::start(&["--address", &format!("http://{}", start_without_acls())], &[]);
    let (head, _) = serve.send("GET", "/v1/metrics", b"");
    assert!(head.contains("x-nomad-gateway-agent"), "without ACLs the agent answers: {head}");
    let (head, _) = serve.send("GET", "/debug/pprof/heap", b"");
    assert!(head.starts_with("http/1.1 404 ") && !head.contains("x-nomad-gateway-agent"), "{head}");
}

#[test]
fn a_token_counts_in_the_region_that_is_asked() {
    let serve = Serve::start(&["--address", &format!("http://{}", start(Acls::OtherRegion))], &[]);
    let token = "x-nomad-token: 3721d099-7634-c305-7866-0a5e5e029ead\r\n";
    for (query, status) in [
        ("server_id=server9.mars&region=mars", "200"),
        ("server_id=server1&region=mars", "500"),
        ("server_id=server1&region=global", "403"),
        ("server_id=server1", "403"),
        ("server_id=server1&region=venus", "403"),
        // Nobody is named, and whoever is asked does not look at the region.
        ("region=mars", "403"),
    ] {
        let path = format!("/v1/agent/host?{query}");
        let (head, body) = serve.send_with_headers("GET", &path, token, b"");
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{query}: {head} {body}");
    }
}

/// Whatever the own region answers or does, where it asks for a right.
const LOCAL_CALLS: [(&str, &str); 9] = [
    ("GET", "/v1/metrics"),
    ("GET", "/v1/metrics?format=prometheus"),
    ("GET", "/v1/gateway/fleet"),
    ("GET", "/v1/gateway/metrics"),
    ("PUT", "/v1/agent/join?address=10.0.0.9"),
    ("PUT", "/v1/agent%2Fjoin?address=10.0.0.9"),
    ("GET", "/v1/agent/self"),
    ("GET", "/v1/agent/members"),
    ("GET", "/v1/agent/monitor?log_level=debug"),
];

fn in_region(path: &str, region: &str) -> String {
    format!("{path}{}region={region}", if path.contains('?') { "&" } else { "?" })
}

#[test]
fn capabilities_of_another_region_open_nothing_that_this_one_answers() {
    let serve = Serve::start(&["--address", &format!("http://{}", start(Acls::OtherRegion))], &[]);
    let operator = format!("x-nomad-token: {MANAGEMENT_TOKEN}\r\n");
    // Somebody has the very monitor open that the other one asks for.
    let mut open = TcpStream::connect(&serve.gateway).unwrap();
    let path = "/v1/agent/monitor?log_level=debug";
    write!(open, "GET {path} HTTP/1.1\r\n{operator}host: x\r\n\r\n").unwrap();
    let mut head = [0; 15];
    open.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let local = "x-nomad-token: 3721d099-7634-c305-7866-0a5e5e029ead\r\n";
    for (method, path) in LOCAL_CALLS {
        for path in [path.to_owned(), in_region(path, "mars"), in_region(path, "global")] {
            let (head, body) = serve.send_with_headers(method, &path, local, b"");
            assert!(head.starts_with("http/1.1 403 "), "{path}: {head} {body}");
            assert!(!head.contains("x-nomad-gateway-agent"), "{path}: {head}");
        }
        let (head, body) =
            serve.send_with_headers(method, &in_region(path, "a&region=b"), &operator, b"");
        assert!(head.starts_with("http/1.1 400 "), "{path}: {head} {body}");
    }
    for (method, path) in LOCAL_CALLS.iter().filter(|(_, path)| !path.contains("monitor")) {
        let (head, _) = serve.send_with_headers(method, &in_region(path, "mars"), &operator, b"");
        assert!(
            !head.starts_with("http/1.1 403 "),
            "the own region's rights count: {path}: {head}"
        );
    }
}

#[test]
fn a_region_without_acls_opens_nothing_in_one_that_has_them() {
    let serve =
        Serve::start(&["--address", &format!("http://{}", start(Acls::OffInOtherRegion))], &[]);
    for (method, path) in LOCAL_CALLS {
        let path = in_region(path, "mars");
        let (head, body) = serve.send(method, &path, b"");
        assert!(head.starts_with("http/1.1 403 "), "{path}: {head} {body}");
        assert!(!head.contains("x-nomad-gateway-agent"), "{path}: {head}");
    }
    // There it is open, where there is something to open.
    let path = "/v1/agent/host?server_id=server9.mars&region=mars";
    let (head, _) = serve.send("GET", path, b"");
    assert!(head.starts_with("http/1.1 200 ") && head.contains("-path: relay"), "{head}");
}

#[test]
fn the_gateway_ends_at_a_signal() {
    let server = start_without_acls();
    let mut serve = Serve::start(&["--address", &format!("http://{server}")], &[]);
    let id = rustix::process::Pid::from_child(&serve.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(serve.child.wait().unwrap().success());
}

#[test]
fn every_fault_of_a_configuration_is_told_with_its_place() {
    let text = r#"ports {
  http = "many"
}
nomad {
  address = "10.0.0.1:4646"
  tokn    = "x"
}
acl {
  mode      = "maybe"
  token_ttl = 3
}
rewrite_http_addr = "yes"
node "client1" {
  id = "short"
}
tls {
  http = true
}
"#;
    let (output, said) = check("gateway.hcl", text);
    assert_eq!(output.status.code(), Some(2));
    let places: Vec<_> =
        said.lines().filter_map(|line| line.trim().split(' ').next()).skip(1).collect();
    let expected = ["2:3", "5:3", "6:3", "9:3", "10:3", "12:1", "13:1", "14:3", "17:3"];
    let expected: Vec<_> = expected.iter().map(|at| format!("gateway.hcl:{at}:")).collect();
    assert_eq!(places, expected, "{said}");
    assert!(said.contains("has 9 faults") && said.contains("must be an address such as"), "{said}");
}

#[test]
fn json_is_read_with_places_too() {
    let text = "{\n  \"nomad\": {\"address\": \"http://10.0.0.1:4646\"},\n  \"limits\": {\n    \"connections_per_agent\": 0\n  }\n}\n";
    let (output, said) = check("gateway.json", text);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("gateway.json:4:"), "{said}");
    let (_, said) = check("gateway.hcl", "worker_threads = 0\n");
    assert!(said.contains("gateway.hcl:1:1: worker_threads: must be from 1 to 1024"), "{said}");
    let (_, said) = check("gateway.json", "{\n  \"nomad\": \n}");
    assert!(said.contains("gateway.json:3:1: "), "{said}");
}

#[test]
fn what_is_right_is_said_to_be() {
    let text = r#"bind_addr = "0.0.0.0"
region    = "global"
log_level = "INFO"
nomad {
  address = "http://10.0.0.1:4646"
  token   = "x"
}
servers {
  server1 = "http://10.0.0.1:4646"
}
node "client1" {
  id      = "9bb118cc-7630-ebf4-b8b8-c11ee8847863"
  address = "http://10.0.0.2:4646"
}
acl {
  enabled   = true
  mode      = "defer"
  token_ttl = "10s"
}
limits {
  connections_per_agent = 40
}
worker_threads    = 2
rewrite_http_addr = "self"
tell_denied       = true
share_blocking_queries = false
cors {
  allowed_origins = ["https://ui.example", "*"]
}
"#;
    let (output, said) = check("gateway.hcl", text);
    assert!(output.status.success(), "{said}");
    let (_, said) = check("gateway.hcl", "cors {\n  allowed_origins = [\"ui\"]\n}\n");
    assert!(
        said.contains("gateway.hcl:2:3: cors.allowed_origins: \"ui\" must be an origin"),
        "{said}"
    );
    let (_, said) = check("gateway.hcl", "");
    assert!(said.contains("say where a server is"), "{said}");
    let (_, said) = check("gateway.hcl", "nomad {\n  address = \"http://127.0.0.1:4646\"\n}\n");
    assert!(said.contains("is where the gateway itself listens"), "{said}");
}

#[test]
fn proxies_are_believed_when_they_are_named_as_addresses() {
    let nomad = "nomad { address = \"http://127.0.0.1:1\" }\n";
    for (text, write_error) in [
        ("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nproxy_protocol = true\n", None),
        ("proxy_protocol = false\n", None),
        ("proxy_protocol = true\n", Some("gateway.hcl:2:1: proxy_protocol: needs trusted_proxies")),
        (
            "trusted_proxies = [\"balancer\"]\n",
            Some("trusted_proxies: \"balancer\" must be an address"),
        ),
        ("trusted_proxies = [\"10.1.0.0/8\"]\n", Some("has bits behind its prefix")),
        ("trusted_proxies = \"10.0.0.0/8\"\n", Some("must be a list of strings")),
    ] {
        let (output, said) = check("gateway.hcl", &format!("{nomad}{text}"));
        assert_eq!(output.status.success(), write_error.is_none(), "{text} {said}");
        assert!(said.contains(write_error.unwrap_or_default()), "{text} {said}");
    }
    let mut command = command("check");
    command.args(["--address", "http://127.0.0.1:1", "--trusted-proxy", "::1"]);
    let output = command.args(["--trusted-proxy", "10.0.0.0/33"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--trusted-proxy") && said.contains("more than 32 bits"), "{said}");
}

#[test]
fn the_example_of_the_page_has_no_fault() {
    let page = include_str!("../README.md");
    let (_, section) = page.split_once("## In front of a real cluster").unwrap();
    let (_, rest) = section.split_once("```hcl\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    // The files that it names are looked at too.
    let folder = tempfile::tempdir().unwrap();
    for name in ["nomad-ca", "cli", "gateway", "callers-ca"] {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), cert.pem()).unwrap();
        let key = folder.path().join(format!("{name}-key.pem"));
        std::fs::write(key, signing_key.serialize_pem()).unwrap();
    }
    let example = example.replace("/etc/nomad-gateway", folder.path().to_str().unwrap());
    let (output, said) = check("gateway.hcl", &example);
    assert!(output.status.success(), "{said}");
}
