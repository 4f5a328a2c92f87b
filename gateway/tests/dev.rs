//! The program itself: what `dev` prints works, and Ctrl-C ends everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A running `dev`, ended with the test in any case.
struct Dev {
    child: Child,
    gateway: String,
    alloc: String,
    printed: String,
}

impl Dev {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"))
            .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("Ctrl-C ends everything.") {
            assert!(lines.read_line(&mut printed).unwrap() > 0, "ended after {printed}");
        }
        child.stdout = Some(lines.into_inner());
        let after = |label: &str| {
            let line = printed.lines().find(|line| line.starts_with(label)).unwrap();
            line[label.len()..].split_whitespace().next().unwrap().to_owned()
        };
        let gateway = after("Gateway").trim_start_matches("http://").to_owned();
        Self { gateway, alloc: after("Allocation"), child, printed }
    }

    fn open(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.gateway).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.gateway).unwrap();
        stream
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn status(&self, path: &str) -> String {
        let mut line = String::new();
        BufReader::new(self.open(path)).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_printed_lines_work_and_ctrl_c_ends_everything_within_a_second() {
    let data = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(data.path());
    let urls: Vec<String> = dev
        .printed
        .split('\'')
        .filter(|part| part.starts_with("http://"))
        .map(Into::into)
        .collect();
    assert_eq!(urls.len(), 7, "{}", dev.printed);
    for url in urls.iter().filter(|url| !url.contains("monitor")) {
        let path = url.trim_start_matches("http://").trim_start_matches(&dev.gateway);
        assert_eq!(dev.status(path), "HTTP/1.1 200 OK", "{url}");
    }
    let path = format!("/v1/client/fs/logs/{}?task=clock&type=stdout&follow=true", dev.alloc);
    let mut stream = dev.open(&path);
    let mut first = [0; 64];
    assert!(stream.read(&mut first).unwrap() > 0);

    let since = Instant::now();
    dev.send(Signal::INT);
    let status = dev.child.wait().unwrap();
    let took = since.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    let mut rest = String::new();
    dev.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Stopped."), "{rest}");
    assert!(!has_processes(data.path()), "a task outlived the program");
}

#[test]
fn a_drain_refuses_new_clients_and_lets_a_stream_go_on_until_the_second_signal() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("access.log");
    let more = ["--drain", "3600", "--access-log", log.to_str().unwrap()];
    let mut dev = Dev::start_with(data.path(), &more);
    let path = format!("/v1/client/fs/logs/{}?task=clock&type=stdout&follow=true", dev.alloc);
    let mut stream = dev.open(&path);
    let mut piece = [0; 4096];
    assert!(stream.read(&mut piece).unwrap() > 0);

    dev.send(Signal::TERM);
    while TcpStream::connect(&dev.gateway).is_ok() {
        std::thread::yield_now();
    }
    // New lines of the task still come.
    for _ in 0..3 {
        assert!(stream.read(&mut piece).unwrap() > 0);
    }
    assert!(dev.child.try_wait().unwrap().is_none());

    let since = Instant::now();
    dev.send(Signal::TERM);
    assert!(dev.child.wait().unwrap().success());
    let took = since.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    let lines = std::fs::read_to_string(&log).unwrap();
    let line = lines.lines().last().unwrap();
    assert!(line.contains("\"route\":\"logs\"") && line.contains("\"complete\":false"), "{lines}");
    assert!(!has_processes(data.path()), "a task outlived the program");
}

/// Whether any process works below a directory.
fn has_processes(data: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut folders =
        processes.filter_map(|entry| std::fs::read_link(entry.path().join("cwd")).ok());
    folders.any(|folder| folder.starts_with(data))
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"))
        .args(["dev", "--listen", &address])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains(&format!("cannot listen on {address}; choose another with --listen")),
        "{said}"
    );
}

#[test]
fn help_names_every_option() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_nomad-gateway")).args(["dev", "--help"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for option in [
        "--listen",
        "--servers",
        "--clients",
        "--data-dir",
        "--log-level",
        "--tls-cert",
        "--access-log",
        "--drain",
    ] {
        assert!(said.contains(option), "{option} is missing: {said}");
    }
}
