//! An agent in a process of its own, and a caller.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running agent, killed with the test in any case.
pub(crate) struct Process {
    child: Child,
    pub(crate) http: String,
    /// Where the HTTP API listens besides.
    pub(crate) additional_addresses: Vec<String>,
    pub(crate) rpc: String,
    pub(crate) serf: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

/// The program with these arguments and nothing of the caller's environment that means something to it.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    command.arg("agent").args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NOMAD_")) {
        command.env_remove(name);
    }
    command
}

impl Process {
    /// A server called `name` on free ports, its data below `dir`.
    pub(crate) fn server(dir: &Path, name: &str, more: &[&str]) -> Self {
        let data = dir.join(name);
        let mut arguments = vec!["--server", "--name", name, "--data-dir", data.to_str().unwrap()];
        arguments.extend(["--http-port", "0", "--rpc-port", "0"]);
        if !more.contains(&"--serf-port") {
            arguments.extend(["--serf-port", "0"]);
        }
        arguments.extend(more);
        Self::start(&mut program(&arguments))
    }

    /// Starts it, and returns when it serves.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let after = |label: &str| {
            let Some((_, rest)) = line.split_once(label) else { return String::new() };
            let word = rest.split([' ', ',', ')', '\n']).next().unwrap();
            word.trim_end_matches(':').to_owned()
        };
        let (http, rpc, serf) = (after("://"), after("rpc "), after("serf "));
        assert!(!http.is_empty(), "it does not serve: {line:?}");
        let also = line.split(" and ").skip(1).map(|address| {
            address.split_once("://").unwrap().1.split([',', '\n']).next().unwrap().to_owned()
        });
        Self { child, http, additional_addresses: also.collect(), rpc, serf }
    }

    /// An agent with this configuration, on free ports, its data and its file in `dir`.
    pub(crate) fn start_configured(dir: &Path, text: &str) -> Self {
        write_config(dir, text);
        Self::start(program(&["--config"]).arg(dir.join("agent.hcl")))
    }

    pub(crate) fn get(&self, path: &str) -> TestResponse {
        self.send("GET", path, "")
    }

    pub(crate) fn put(&self, path: &str) -> TestResponse {
        self.send("PUT", path, "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> TestResponse {
        self.send_as("", &format!("{method} {path}"), body)
    }

    /// Asks with a token; the empty one is none.
    pub(crate) fn send_as(&self, token: &str, call: &str, body: &str) -> TestResponse {
        send_over(&mut self.open(), token, call, body).unwrap()
    }

    pub(crate) fn open(&self) -> TcpStream {
        open(&self.http)
    }

    /// Name and status of every member, by name.
    pub(crate) fn members(&self) -> Vec<(String, String)> {
        let answer = self.get("/v1/agent/members").json();
        let members = answer["Members"].as_array().unwrap().iter();
        let text = |member: &Value, key: &str| member[key].as_str().unwrap().to_owned();
        members.map(|member| (text(member, "Name"), text(member, "Status"))).collect()
    }

    /// What a member is; empty when it is not known.
    pub(crate) fn status_of(&self, name: &str) -> String {
        let found = self.members().into_iter().find(|(member, _)| member == name);
        found.map(|(_, status)| status).unwrap_or_default()
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.get("/v1/agent/self").json()["stats"]["nomad"]["leader"] == "true"
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < Duration::from_secs(15), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn status_and_text(&self) -> (u16, &str) {
        (self.status, &self.text)
    }
}

/// A connection on which nobody waits for ever.
pub(crate) fn open(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// One call over a connection, which ends with it.
pub(crate) fn send_over(
    stream: &mut (impl Read + Write),
    token: &str,
    call: &str,
    body: &str,
) -> std::io::Result<TestResponse> {
    let token =
        if token.is_empty() { String::new() } else { format!("x-nomad-token: {token}\r\n") };
    let head = format!("{call} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n{token}");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    let is_chunked = head.contains("transfer-encoding: chunked");
    let text = if is_chunked { decode_chunked(body) } else { body.to_owned() };
    Ok(TestResponse { status: head[9..12].parse().unwrap(), head, text })
}

/// Writes `agent.hcl`: data in the same directory, free ports, and this.
pub(crate) fn write_config(dir: &Path, text: &str) {
    let data = dir.join("data");
    let ports = "ports {\n  http = 0\n  rpc = 0\n  serf = 0\n}\n";
    let text = format!("name = \"agent1\"\ndata_dir = {data:?}\n{ports}{text}");
    std::fs::write(dir.join("agent.hcl"), text).unwrap();
}

/// A server and a client in one agent.
pub(crate) const BOTH: &str = "server {\n  enabled = true\n}\nclient {\n  enabled = true\n}\n";

/// What the program says of a configuration that it refuses.
pub(crate) fn start_error(dir: &Path, text: &str) -> String {
    write_config(dir, text);
    let output = program(&["--config"]).arg(dir.join("agent.hcl")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The text of a chunked body.
fn decode_chunked(mut chunks: &str) -> String {
    let mut text = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return text;
        }
        text.push_str(&rest[..length]);
        chunks = &rest[length + 2..];
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks again and again until it is true; other processes have no event to wait for.
pub(crate) fn wait_until(limit: Duration, what: &str, mut is_true: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_true() {
        assert!(since.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
