//! Programs whose standard error nobody reads, or whose standard output.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

/// Several times what a pipe holds, at some hundred bytes a call.
const CALLS: usize = 1000;

/// A program, ended with the test in any case.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Its first line says where it listens. What comes after it on standard output is not read.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("http://") {
            banner.clear();
            assert_ne!(out.read_line(&mut banner).unwrap(), 0, "it ended");
        }
        let (_, rest) = banner.split_once("http://").unwrap();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
        let address = rest[..end.unwrap_or(rest.len())].trim_end_matches(':').parse().unwrap();
        // The pipe stays open, and full.
        child.stdout = Some(out.into_inner());
        Self { child, address }
    }

    /// The status of a call, each over a connection of its own.
    fn send(&self, path: &str) -> String {
        self.ask_with(path, "")
    }

    fn ask_with(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it stands still");
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn stop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let since = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < Duration::from_secs(10), "it does not end at SIGTERM");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    for variable in ["NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_REGION", "NOMAD_CACERT"] {
        command.env_remove(variable);
    }
    command.arg(name);
    command
}

/// A server that knows itself and one node, which breaks every connection.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let node_address = node.local_addr().unwrap();
    std::thread::spawn(move || node.incoming().flatten().for_each(drop));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(respond(stream, node_address));
        }
    });
    address
}

fn respond(mut stream: TcpStream, node: SocketAddr) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let path = head.split([' ', '?']).nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/v1/agent/members" => (
            200,
            r#"{"Members":[{"Name":"server1.global","Addr":"127.0.0.1","Status":"alive","Tags":{"role":"nomad",
                "region":"global","port":"4647","id":"078367fb-eec8-87bf-8d99-0c0a5e3f7c7c"}}],
                "ServerName":"server1","ServerRegion":"global","ServerDC":"dc1"}"#
                .to_owned(),
        ),
        "/v1/agent/health" => (200, r#"{"server":{"ok":true,"message":"ok"}}"#.to_owned()),
        "/v1/agent/self" => (200, "{}".to_owned()),
        "/v1/status/leader" => (200, r#""127.0.0.1:4647""#.to_owned()),
        "/v1/nodes" => {
            (200, format!(r#"[{{"ID":"{NODE}","Name":"client1","Status":"ready"}}]"#))
        }
        "/v1/acl/policy/anonymous" => (400, "ACL support disabled".to_owned()),
        path if path.starts_with("/v1/node/") => (
            200,
            format!(r#"{{"ID":"{NODE}","Name":"client1","HTTPAddr":"{node}","TLSEnabled":false}}"#),
        ),
        _ => (404, String::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn serve(more: &[&str]) -> Program {
    let mut command = program("serve");
    command.args(["--address", &format!("http://{}", server()), "--listen", "127.0.0.1:0"]);
    Program::start(command.args(more))
}

/// A call that no agent answers.
fn failing_path() -> String {
    format!("/v1/agent/self?node_id={NODE}")
}

#[test]
fn a_gateway_whose_log_nobody_reads_serves_on_and_ends() {
    let mut serve = serve(&["--log-level", "trace"]);
    for call in 0..CALLS {
        assert_eq!(serve.send(&failing_path()), "502", "call {call}");
    }
    assert_eq!(serve.send("/v1/gateway/health"), "200");
    serve.stop();
}

#[test]
fn a_gateway_whose_output_nobody_reads_serves_on_and_ends() {
    let mut dev = Program::start(program("dev").args([
        "--listen",
        "127.0.0.1:0",
        "--servers",
        "1",
        "--clients",
        "1",
        "--access-log",
        "-",
    ]));
    for call in 0..CALLS {
        assert_eq!(dev.send("/v1/gateway/health"), "200", "call {call}");
    }
    dev.stop();
}

#[test]
fn lines_name_the_request_that_they_are_about() {
    for (level, wanted) in [("warn", 1), ("debug", 2)] {
        let mut serve = serve(&["--log-level", level]);
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let headers =
            format!("x-request-id: mine\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
        assert_eq!(serve.ask_with(&failing_path(), &headers), "502");
        serve.stop();
        let mut log = String::new();
        serve.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let lines = log.lines().filter(|line| line.contains("request_id=mine"));
        let lines: Vec<_> = lines
            .inspect(|line| {
                for field in [&*format!("trace_id={trace}"), "route=agent", "agent="] {
                    assert_eq!(line.matches(field).count(), 1, "{field}: {line}");
                }
            })
            .collect();
        assert_eq!(lines.len(), wanted, "{level}: {log}");
        assert!(lines[0].contains("no answer from an agent") && lines[0].contains("agent=client1"));
    }
}

#[test]
fn an_agent_that_fails_again_and_again_is_one_line() {
    let mut serve = serve(&[]);
    for _ in 0..50 {
        assert_eq!(serve.send(&failing_path()), "502");
    }
    serve.stop();
    let mut log = String::new();
    serve.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let lines = log.lines().filter(|line| line.contains("client1")).count();
    assert_eq!(lines, 1, "{log}");
}
