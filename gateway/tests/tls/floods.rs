//! Floods of HTTP/2 frames against a whole gateway, as a process in front of agents: the connection that floods is closed or
//! held back, memory stays where it was, and another caller on another connection is served meanwhile.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use crate::{
    authority::{Authority, connect},
    frames::{
        CONTINUATION, Caller, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Flooded, HEADERS,
        PING, PRIORITY, RST_STREAM, SETTINGS, Seen, WINDOW_UPDATE, block, frame, get, push_header,
        push_text,
    },
};

/// Another caller's call takes milliseconds; on a busy machine more, but never as long as anything waits here.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What a flood may cost at most, in KiB: each sends or asks for many times as much.
const MEMORY: usize = 32 << 10;

/// 100 answers that nobody takes: what is on its way in buffers of the gateway and of the agents, which are in the same
/// process. The answers themselves are 800 MiB.
const MEMORY_UNTAKEN: usize = 256 << 10;

/// What nobody has taken for so long makes room for others.
const UNTAKEN: Duration = Duration::from_secs(2);

const FRAMES: u32 = 20_000;

const HEALTH: &str = "/v1/agent/health";

/// A running `dev` that speaks TLS, ended with the test in any case.
struct Dev {
    child: Child,
    authority: Authority,
    address: SocketAddr,
    alloc: String,
    data: TempDir,
    /// What a flood may cost.
    memory: usize,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        drop(self.child.wait());
    }
}

impl Dev {
    fn start() -> Self {
        let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
        let (cert, key) = authority.sign("gateway", &["gateway.test"]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"))
            .args(["dev", "--listen", "127.0.0.1:0", "--servers", "1", "--clients", "1"])
            .arg("--data-dir")
            .arg(data.path())
            .arg("--tls-cert")
            .arg(cert)
            .arg("--tls-key")
            .arg(key)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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
        let address = after("Gateway").trim_start_matches("https://").parse().unwrap();
        Self { address, alloc: after("Allocation"), child, authority, data, memory: MEMORY }
    }

    /// A caller who writes frames by hand, and has said these settings.
    async fn caller(&self, settings: &[u8]) -> Caller {
        let stream = connect(&self.authority, self.address, None, &["h2"]).await.unwrap();
        Caller::hello(stream, settings).await
    }

    /// In KiB.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Asks over HTTP/1.1, on a connection of its own, and says whether the answer came at once.
    async fn serves(&self, path: &str) -> bool {
        let answer = async {
            let mut stream = connect(&self.authority, self.address, None, &["http/1.1"]).await?;
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = timeout(AT_ONCE, answer).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|text| text.starts_with(b"HTTP/1.1 200")))
    }

    /// While this goes on, another caller is served at once, again and again, and memory does not grow.
    async fn serves_others_during<T>(&self, flood: impl Future<Output = T>) -> T {
        assert!(self.serves(HEALTH).await, "before the flood");
        let before = self.memory();
        let others = async {
            loop {
                assert!(self.serves(HEALTH).await, "another caller waits");
                let grown = self.memory().saturating_sub(before);
                assert!(grown < self.memory, "the flood costs {grown} KiB");
                sleep(Duration::from_millis(20)).await;
            }
        };
        let flooded = tokio::select! {
            flooded = flood => flooded,
            never = others => never,
        };
        assert!(self.serves(HEALTH).await, "after the flood");
        let grown = self.memory().saturating_sub(before);
        assert!(grown < self.memory, "the flood has cost {grown} KiB");
        flooded
    }
}

/// Numbers of streams that a caller opens.
fn streams() -> impl Iterator<Item = u32> {
    (0..FRAMES).map(|n| 2 * n + 1)
}

/// The caller reads all answers, floods, and has been told to go by the time it is through.
async fn is_told_to_be_calm(frames: impl Iterator<Item = Vec<u8>>) -> Seen {
    let dev = Dev::start();
    let mut caller = dev.caller(&[]).await.reading();
    let seen = dev.serves_others_during(async {
        caller.flood(frames).await;
        caller.ended().await
    });
    let seen = seen.await;
    assert_eq!(seen.goaway, Some(ENHANCE_YOUR_CALM), "{seen:?}");
    seen
}

/// A caller who reads nothing is held back; one who reads is served, and both cost nobody anything.
async fn costs_nobody_anything(frames: impl Fn() -> Vec<u8>, answers: u8) {
    let dev = Dev::start();
    let mut silent = dev.caller(&[]).await;
    let endless = std::iter::repeat_with(&frames);
    let flooded = dev.serves_others_during(silent.flood(endless)).await;
    assert_ne!(flooded, Flooded::Taken);
    drop(silent);
    let mut reading = dev.caller(&[]).await.reading();
    let some = std::iter::repeat_with(frames).take(FRAMES as usize);
    let last = frame(DATA, 0, 0, b"no stream");
    let seen = dev.serves_others_during(async {
        reading.flood(some.chain([last])).await;
        reading.ended().await
    });
    let seen = seen.await;
    assert!(seen.frames[usize::from(answers)] >= FRAMES as usize, "{seen:?}");
}

#[tokio::test]
async fn requests_that_are_reset_at_once() {
    let cancel = 8_u32.to_be_bytes();
    is_told_to_be_calm(
        streams()
            .map(|stream| [get(stream, HEALTH), frame(RST_STREAM, 0, stream, &cancel)].concat()),
    )
    .await;
}

#[tokio::test]
async fn requests_that_the_gateway_must_reset() {
    // A window that grows beyond its largest is a fault of its stream.
    let too_much = 0x7fff_ffff_u32.to_be_bytes();
    is_told_to_be_calm(streams().map(|stream| {
        let open = frame(HEADERS, END_HEADERS, stream, &block("PUT", "/v1/client/gc"));
        [open, frame(WINDOW_UPDATE, 0, stream, &too_much)].concat()
    }))
    .await;
}

#[tokio::test]
async fn settings_again_and_again() {
    let window = [0, 4, 0, 1, 0, 0];
    costs_nobody_anything(|| frame(SETTINGS, 0, 0, &window), SETTINGS).await;
}

#[tokio::test]
async fn pings_again_and_again() {
    costs_nobody_anything(|| frame(PING, 0, 0, b"12345678"), PING).await;
}

#[tokio::test]
async fn data_without_data() {
    let open = frame(HEADERS, END_HEADERS, 1, &block("PUT", "/v1/client/gc"));
    let empty = std::iter::repeat_with(|| frame(DATA, 0, 1, &[])).take(100 * FRAMES as usize);
    is_told_to_be_calm([open].into_iter().chain(empty)).await;
}

#[tokio::test]
async fn data_of_one_byte() {
    // Each frame is kept by itself until somebody reads it, and nobody reads an upload that is refused.
    let open = frame(HEADERS, END_HEADERS, 1, &block("PUT", "/v1/client/gc"));
    let small = std::iter::repeat_with(|| frame(DATA, 0, 1, b"x")).take(100 * FRAMES as usize);
    let dev = Dev::start();
    let mut caller = dev.caller(&[]).await.reading();
    let flooded = dev.serves_others_during(caller.flood([open].into_iter().chain(small))).await;
    assert_eq!(flooded, Flooded::Closed);
}

#[tokio::test]
async fn headers_that_go_on_and_on() {
    for piece in ["", &*"x".repeat(8 << 10)] {
        let open = frame(HEADERS, END_STREAM, 1, &block("GET", HEALTH));
        let more = std::iter::repeat_with(|| {
            let mut block = Vec::new();
            if !piece.is_empty() {
                push_header(&mut block, "x-long", piece);
            }
            frame(CONTINUATION, 0, 1, &block)
        });
        let endless = more.take(10 * FRAMES as usize);
        is_told_to_be_calm([open].into_iter().chain(endless)).await;
    }
}

#[tokio::test]
async fn headers_that_unpack_to_many_times_their_size() {
    // One header is put into the table, and a byte says it again: 100 streams, each 16 MB when unpacked.
    let mut first = block("GET", HEALTH);
    first.push(0x40);
    push_text(&mut first, "x-bomb");
    push_text(&mut first, &"x".repeat(3900));
    let remember = frame(HEADERS, END_HEADERS | END_STREAM, 1, &first);
    let mut packed = block("GET", HEALTH);
    packed.extend(std::iter::repeat_n(0x80 | 62, 4000));
    let bombs = (1..1000).map(|n| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &packed));
    let dev = Dev::start();
    let mut caller = dev.caller(&[]).await.reading();
    let flooded = dev.serves_others_during(caller.flood([remember].into_iter().chain(bombs)));
    flooded.await;
}

#[tokio::test]
async fn priorities_of_no_stream_and_windows_of_one_that_is_over() {
    let dev = Dev::start();
    let mut caller = dev.caller(&[]).await.reading();
    let over = [get(1, HEALTH), frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())].into_iter();
    let more = 1_u32.to_be_bytes();
    let frames = streams()
        .skip(1)
        .flat_map(|n| [frame(PRIORITY, 0, n, &[0, 0, 0, 0, 9]), frame(WINDOW_UPDATE, 0, 1, &more)]);
    let flooded = dev.serves_others_during(caller.flood(over.chain(frames))).await;
    // They mean nothing here, and nothing is kept of them: the caller itself is served still.
    assert_eq!(flooded, Flooded::Taken);
    let end = [get(2 * FRAMES + 1, HEALTH), frame(DATA, 0, 0, b"no stream")];
    caller.flood(end.into_iter()).await;
    let seen = caller.ended().await;
    assert_eq!(seen.frames[usize::from(RST_STREAM)], 0, "{seen:?}");
}

/// A file of 8 MiB at the agent, and another call to that agent, which is served.
async fn large_file(dev: &mut Dev) -> (String, String) {
    dev.memory = MEMORY_UNTAKEN;
    let logs = dev.data.path().join("client1").join("alloc").join(&dev.alloc).join("alloc/logs");
    fs::write(logs.join("large"), vec![b'x'; 8 << 20]).unwrap();
    let stats = format!("/v1/client/allocation/{}/stats", dev.alloc);
    assert!(dev.serves(&stats).await, "before the flood");
    (format!("/v1/client/fs/cat/{}?path=alloc/logs/large", dev.alloc), stats)
}

#[tokio::test]
async fn responses_that_nobody_takes() {
    let mut dev = Dev::start();
    let (cat, stats) = large_file(&mut dev).await;
    // A window of 0.
    let mut caller = dev.caller(&[0, 4, 0, 0, 0, 0]).await.reading();
    let hundred = streams().take(100).map(|stream| get(stream, &cat));
    let others = dev.serves_others_during(async {
        caller.flood(hundred).await;
        sleep(UNTAKEN).await;
        dev.serves(&stats).await
    });
    assert!(others.await, "another caller of the same agent waits");
}

#[tokio::test]
async fn responses_that_nobody_takes_over_http_1() {
    let mut dev = Dev::start();
    let (cat, stats) = large_file(&mut dev).await;
    let others = dev.serves_others_during(async {
        let mut callers = Vec::new();
        for _ in 0..100 {
            let mut stream =
                connect(&dev.authority, dev.address, None, &["http/1.1"]).await.unwrap();
            let request = format!("GET {cat} HTTP/1.1\r\nhost: a\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            callers.push(stream);
        }
        sleep(UNTAKEN).await;
        dev.serves(&stats).await
    });
    assert!(others.await, "another caller of the same agent waits");
}
