//! The timing of a stream, in virtual time, over real files.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use nomad_frames::FramerConfig;
use nomad_wire::query::Origin;

use super::*;
use crate::alloc::AllocDir;
use crate::body::{Body, OpenStreams};
use crate::error::AgentError;
use crate::files::Files;
use crate::follow::{Chunk, DiskLogs, FollowMode, LogTail};
use crate::frame_writer::StreamFormat;

/// Steps that are given one by one; waits when there is none.
#[derive(Debug, Clone, Default)]
struct Script {
    steps: Arc<Mutex<Vec<Step>>>,
    asked: Arc<AtomicUsize>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.steps.lock().unwrap().extend(steps);
        script
    }

    fn add(&self, text: &str, position: u64) {
        self.steps.lock().unwrap().push(read(text, position));
    }
}

impl Follow for Script {
    fn step(&mut self) -> Result<Step, StreamError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut steps = self.steps.lock().unwrap();
        Ok(if steps.is_empty() { Step::Wait } else { steps.remove(0) })
    }
}

fn read(text: &str, position: u64) -> Step {
    Step::Read(Chunk { file: "f".into(), event: "", data: text.as_bytes().to_vec(), position })
}

async fn start(follow: impl Follow, form: StreamFormat) -> Body {
    let open = OpenStreams::default();
    let started = Body::stream(&open, |chunks| async move {
        let frames = FrameWriter::new(FramerConfig::default(), form, chunks);
        pump(follow, frames).await.map_err(|error| AgentError::internal(error.to_string()))
    });
    started.await.unwrap()
}

/// The next chunk; empty at the end.
async fn next(body: &mut Body) -> String {
    let frame = body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
    String::from_utf8(frame.unwrap_or_default().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_there_leaves_without_delay() {
    let began = Instant::now();
    let mut body = start(Script::new([read("Hello", 5), Step::End]), StreamFormat::Framed).await;
    assert_eq!(next(&mut body).await, r#"{"Data":"SGVsbG8=","File":"f","Offset":5}"#);
    assert_eq!(next(&mut body).await, "");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_beats_once_a_second_and_only_in_frames() {
    let began = Instant::now();
    let mut body = start(Script::default(), StreamFormat::Framed).await;
    for second in 1..4 {
        assert_eq!(next(&mut body).await, "{}");
        assert_eq!(began.elapsed().as_secs(), second);
    }
    let plain = start(Script::default(), StreamFormat::Plain);
    assert!(tokio::time::timeout(Duration::from_secs(60), plain).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_on_its_way_within_a_poll_and_a_batch() {
    let script = Script::default();
    script.add("first\n", 6);
    let mut body = start(script.clone(), StreamFormat::Plain).await;
    assert_eq!(next(&mut body).await, "first\n");
    for pause in [0, 13, 151, 49, 333, 202] {
        let (write, delay) = (script.clone(), Duration::from_millis(pause));
        let written = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            write.add("line\n", 5);
            Instant::now()
        });
        assert_eq!(next(&mut body).await, "line\n");
        let written = written.await.unwrap();
        let late = written.elapsed();
        // Timers of tokio fire up to a millisecond late, once for each wait.
        assert!(
            late <= POLL_INTERVAL + Duration::from_millis(200) + Duration::from_millis(3),
            "{late:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn small_reads_within_a_beat_are_one_frame() {
    let mut body =
        start(Script::new([read("a", 1), read("b", 2), read("c", 3)]), StreamFormat::Framed).await;
    assert_eq!(next(&mut body).await, r#"{"Data":"YWJj","File":"f","Offset":3}"#);
}

#[tokio::test]
async fn nobody_reads_on_for_nobody() {
    let script = Script::new([read(&"x".repeat(65_536), 65_536)]);
    let body = start(script.clone(), StreamFormat::Plain).await;
    assert_eq!(Arc::strong_count(&script.steps), 2);
    drop(body);
    // At most one step is running when the body is dropped; the state machine is dropped with it, and its file too.
    while Arc::strong_count(&script.steps) > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_comes_after_what_was_read_before_it() {
    struct Broken(u8);
    impl Follow for Broken {
        fn step(&mut self) -> Result<Step, StreamError> {
            self.0 += 1;
            if self.0 == 1 { Ok(read("last", 4)) } else { Err(StreamError::Index("x".into())) }
        }
    }
    let mut body = start(Broken(0), StreamFormat::Plain).await;
    assert_eq!(next(&mut body).await, "last");
    let expected =
        r#"failed to convert "x" to a log index: strconv.Atoi: parsing "x": invalid syntax"#;
    assert_eq!(next(&mut body).await, expected);
    assert_eq!(next(&mut body).await, "");
}

/// Property: a follower of a real log that rotates meanwhile reads every byte once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_rotates_under_its_reader_is_read_whole() {
    let base = tempfile::tempdir().unwrap();
    let dir = AllocDir::create(base.path(), "id", ["web"]).unwrap();
    let files = Files::new(dir.root().to_owned(), vec!["web".to_owned()]);
    let mut spec = crate::task::TaskSpec::new("web", "/bin/sh");
    spec.logs.max_file_size = 4096;
    spec.logs.max_files = std::num::NonZeroUsize::new(10_000).unwrap();
    let mut writer =
        crate::task::LogRotator::open(&dir.logs(), "web.stdout.".into(), spec.logs).unwrap();
    let log =
        LogTail::open(DiskLogs::new(files, "web", "stdout"), Origin::Start, 0, FollowMode::Forever)
            .unwrap();
    let expected: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    let writing = expected.clone();
    let written = spawn_blocking(move || {
        for chunk in writing.as_bytes().chunks(777) {
            writer.write(chunk).unwrap();
            std::thread::yield_now();
        }
    });
    let mut body = start(log, StreamFormat::Plain).await;
    let mut seen = String::new();
    while seen.len() < expected.len() {
        seen += &next(&mut body).await;
    }
    written.await.unwrap();
    assert_eq!(seen, expected);
    assert!(fs::read_dir(dir.logs()).unwrap().count() > 40, "it has rotated");
}
