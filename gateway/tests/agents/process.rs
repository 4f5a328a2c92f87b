//! An agent in a process of its own, and a caller.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
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
    pub(crate) rpc: String,
    pub(crate) serf: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
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
            rest.split([' ', ',', ')', '\n']).next().unwrap().to_owned()
        };
        let (http, rpc, serf) = (after("http://"), after("rpc "), after("serf "));
        assert!(!http.is_empty(), "it does not serve: {line:?}");
        Self { child, http, rpc, serf }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    pub(crate) fn put(&self, path: &str) -> Answer {
        self.ask("PUT", path, "")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.http);
        write!(stream, "{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let text = if is_chunked { joined(body) } else { body.to_owned() };
        Answer { status: head[9..12].parse().unwrap(), text }
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

    pub(crate) fn leads(&self) -> bool {
        self.get("/v1/agent/self").json()["stats"]["nomad"]["leader"] == "true"
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
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

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn said(&self) -> (u16, &str) {
        (self.status, &self.text)
    }
}

/// The text of a chunked body.
fn joined(mut chunks: &str) -> String {
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
pub(crate) fn within(limit: Duration, what: &str, mut is_true: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_true() {
        assert!(since.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
