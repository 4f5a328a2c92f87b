//! `logs`: the log of a task over all its files.

use std::{fs, time::Duration};

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use nomad_agent::{Agent, RestartPolicy, TaskSpec};
use nomad_frames::Decoder;
use tokio::time::timeout;

use crate::{
    fixture::{ALLOC, AllocFixture, SOON, run_web_to_end, start_tasks, start_web},
    support::{chunk, open, open_over_http},
};

const HELLO: &str = "Hello from the other side";

fn path(query: &str) -> String {
    format!("/v1/client/fs/logs/{ALLOC}?task=web&type=stdout&{query}")
}

async fn logs(agent: &Agent, query: &str) -> Incoming {
    let response = timeout(SOON, open_over_http(agent, &path(query))).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// Reads until `length` bytes of text are there.
async fn read(body: &mut Incoming, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += &timeout(SOON, chunk(body)).await.unwrap();
    }
    text
}

async fn rotated() -> AllocFixture {
    let stage = run_web_to_end("").await;
    for (index, text) in ["0", "1", "2"].into_iter().enumerate() {
        stage.write(&format!("alloc/logs/web.stdout.{index}"), text);
    }
    stage
}

#[tokio::test]
async fn a_log_is_framed_or_plain() {
    let stage = run_web_to_end(&format!("printf '{HELLO}'")).await;
    let framed = stage.get("logs", "task=web&type=stdout").await;
    let frame = r#"{"Data":"SGVsbG8gZnJvbSB0aGUgb3RoZXIgc2lkZQ==","File":"alloc/logs/web.stdout.0","Offset":25}"#;
    assert_eq!(
        (framed.text.as_str(), &framed.headers["content-type"]),
        (frame, &"application/json".parse().unwrap())
    );
    let plain = stage.get("logs", "task=web&type=stdout&plain=true").await;
    assert_eq!(
        (plain.text.as_str(), &plain.headers["content-type"]),
        (HELLO, &"text/plain".parse().unwrap())
    );
    let tail = stage.get("logs", "task=web&type=stdout&plain=true&origin=end&offset=4").await;
    assert_eq!(tail.text, "side");
    let silent = stage.get("logs", "task=web&type=stderr").await;
    assert_eq!((silent.status.as_u16(), silent.text.as_str()), (200, ""));
}

#[tokio::test]
async fn tasks_and_logs_that_are_not_there_say_so() {
    let stage = run_web_to_end("").await;
    let cases = [
        ("task=nope&type=stdout", 400, r#"unknown task name "nope""#),
        ("task=..%2Fweb&type=stdout", 400, r#"unknown task name "../web""#),
        ("task=closed&type=stdout", 400, r#"unknown task name "closed""#),
        ("task=ghost&type=stdout", 404, r#"task "ghost" not started yet. No logs available"#),
    ];
    for (query, status, text) in cases {
        assert_eq!(stage.get("logs", query).await.refusal(), (status, text), "{query}");
    }
    stage.write("alloc/logs/web.stdout.x", "");
    let text = r#"failed to convert "x" to a log index: strconv.Atoi: parsing "x": invalid syntax"#;
    assert_eq!(stage.get("logs", "task=web&type=stdout").await.refusal(), (500, text));
    fs::remove_file(stage.path("alloc/logs/web.stderr.0")).unwrap();
    let text = r#"log entry for task "web" and log type "stderr" not found"#;
    assert_eq!(stage.get("logs", "task=web&type=stderr").await.refusal(), (404, text));
    fs::remove_dir_all(stage.path("alloc/logs")).unwrap();
    let logs = stage.path("alloc/logs").display().to_string();
    let text = format!("failed to list entries: open {logs}: no such file or directory");
    assert_eq!(stage.get("logs", "task=web&type=stdout").await.refusal(), (500, text.as_str()));
}

#[tokio::test]
async fn a_log_that_is_a_link_leads_nowhere() {
    let stage = run_web_to_end("").await;
    stage.write("web/secrets/token", "hush");
    for (index, target) in ["/etc/passwd", "../../web/secrets/token"].into_iter().enumerate() {
        let index = index + 1;
        let link = stage.path(&format!("alloc/logs/web.stdout.{index}"));
        std::os::unix::fs::symlink(target, link).unwrap();
        let answer = stage.get("logs", "task=web&type=stdout&plain=true&origin=end").await;
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.text.starts_with("failed to stream \"alloc/logs/web.stdout."), "{answer:?}");
    }
}

#[tokio::test]
async fn files_are_read_as_one() {
    let stage = rotated().await;
    assert_eq!(stage.get("logs", "task=web&type=stdout&plain=true").await.text, "012");
    assert_eq!(stage.get("logs", "task=web&type=stdout&plain=true&offset=1").await.text, "12");
    let newest = stage.get("logs", "task=web&type=stdout&plain=true&origin=end").await;
    assert_eq!(newest.text, "2");
}

#[tokio::test]
async fn a_follower_passes_a_gap_and_loses_nothing_before_it() {
    let stage = rotated().await;
    let mut body = logs(&stage.agent, "plain=true&follow=true").await;
    assert_eq!(read(&mut body, 3).await, "012");
    stage.append("alloc/logs/web.stdout.2", "3");
    stage.append("alloc/logs/web.stdout.13", "45");
    assert_eq!(read(&mut body, 3).await, "345");
}

#[tokio::test]
async fn following_never_ends_by_itself_and_beats() {
    let stage = run_web_to_end(&format!("printf '{HELLO}'")).await;
    let mut plain = logs(&stage.agent, "plain=true&follow=true&origin=end&offset=4").await;
    assert_eq!(chunk(&mut plain).await, "side");
    let mut framed = logs(&stage.agent, "follow=true&origin=end&offset=4").await;
    let frame = r#"{"Data":"c2lkZQ==","File":"alloc/logs/web.stdout.0","Offset":25}"#;
    assert_eq!(chunk(&mut framed).await, frame);
    assert_eq!(chunk(&mut framed).await, "{}");
    assert_eq!(chunk(&mut framed).await, "{}");
    // After two seconds of heartbeats the plain stream has neither ended nor sent anything more.
    assert!(timeout(Duration::from_millis(1), plain.frame()).await.is_err());
}

#[tokio::test]
async fn what_a_running_task_writes_arrives() {
    let script =
        "echo first; while [ ! -e ../alloc/data/go ]; do sleep 0.01; done; echo second; sleep 600";
    let stage = start_web(script).await;
    let mut body = logs(&stage.agent, "plain=true&follow=true").await;
    assert_eq!(read(&mut body, 6).await, "first\n");
    stage.write("alloc/data/go", "");
    assert_eq!(read(&mut body, 7).await, "second\n");
    stage.alloc.stop().await;
}

#[tokio::test]
async fn a_deleted_log_is_told_and_an_error_after_it_is_text() {
    let stage = run_web_to_end("printf abc").await;
    let mut body = logs(&stage.agent, "follow=true").await;
    assert!(chunk(&mut body).await.starts_with(r#"{"Data":"YWJj""#));
    fs::remove_file(stage.path("alloc/logs/web.stdout.0")).unwrap();
    let deleted = r#"{"File":"alloc/logs/web.stdout.0","FileEvent":"file deleted","Offset":3}"#;
    assert_eq!(chunk(&mut body).await, deleted);
    let text = r#"log entry for task "web" and log type "stdout" not found"#;
    assert_eq!(chunk(&mut body).await, text);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn dropping_a_stream_ends_its_producer() {
    let stage = run_web_to_end("echo x").await;
    let bodies = [
        open(&stage.agent, &path("follow=true")).await,
        open(&stage.agent, &path("follow=true&plain=true")).await,
    ];
    assert_eq!(stage.agent.open_streams(), 2);
    drop(bodies);
    assert_eq!(stage.agent.open_streams(), 0);
}

/// Property: a follower of a task that writes through many files reads every byte once.
#[tokio::test]
async fn a_task_that_rotates_is_followed_whole() {
    use nomad_agent::AllocSpec;

    let stage = run_web_to_end("").await;
    let id = "a7f9154b-97ab-2857-cd12-1311b330f19d";
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo end";
    let mut task = TaskSpec::new("burst", "/bin/sh").args(["-c", script]);
    task.logs.max_file_size = 10_000;
    task.logs.max_files = 10_000.try_into().unwrap();
    let spec = AllocSpec {
        id: id.parse().unwrap(),
        namespace: "apps".into(),
        job: "burst".to_owned(),
        group: "burst".to_owned(),
        tasks: vec![task],
    };
    let alloc = stage.agent.run(spec).unwrap();
    alloc.task("burst").unwrap().wait_for(|state| state.started.is_some()).await;
    let path = format!("/v1/client/fs/logs/{id}?task=burst&type=stdout&plain=true&follow=true");
    let mut body = open_over_http(&stage.agent, &path).await.into_body();
    let mut text = String::new();
    while !text.ends_with("end\n") {
        text += &timeout(SOON, chunk(&mut body)).await.unwrap();
    }
    let lines: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    assert!(text == lines + "end\n", "{} bytes", text.len());
    assert!(fs::read_dir(alloc.directory().logs()).unwrap().count() > 20);
}

#[tokio::test]
async fn a_page_in_a_log_is_plain_text() {
    let page = "<script>alert(document.domain);</script>";
    let stage = run_web_to_end(&format!("printf '{page}'")).await;
    let answer = stage.get("logs", "task=web&type=stdout&plain=true").await;
    assert_eq!(
        (answer.text.as_str(), answer.headers["content-type"].as_bytes()),
        (page, &b"text/plain"[..])
    );
}

#[tokio::test]
async fn a_task_that_was_never_started_has_no_log() {
    let wait = RestartPolicy::Again { attempts: 1, delay: Duration::from_secs(3600) };
    let stage = start_tasks(vec![TaskSpec::new("web", "/does/not/exist").restart(wait)]).await;
    assert_eq!(stage.alloc.task("web").unwrap().state().phase, nomad_agent::Phase::Pending);
    let text = r#"task "web" not started yet. No logs available"#;
    assert_eq!(stage.get("logs", "task=web&type=stdout").await.refusal(), (404, text));
}

#[tokio::test]
async fn a_follower_hears_a_slow_writer_exactly() {
    let stage = start_web(
        "i=0; while [ $i -lt 4 ]; do echo line $i; sleep 0.2; i=$((i+1)); done; sleep 600",
    )
    .await;
    let mut body = logs(&stage.agent, "plain=true&follow=true").await;
    let all = "line 0\nline 1\nline 2\nline 3\n";
    assert_eq!(read(&mut body, all.len()).await, all);
    // Without following, the agent ends the same log by itself.
    let mut body = logs(&stage.agent, "plain=true").await;
    assert_eq!(read(&mut body, all.len()).await, all);
    assert!(timeout(SOON, body.frame()).await.unwrap().is_none());
    let file = "path=alloc/logs/web.stdout.0&offset=0&limit=5";
    assert_eq!(stage.get("readat", file).await.text, "line ");
    stage.alloc.stop().await;
}

#[tokio::test]
async fn a_large_log_comes_whole_and_in_order_each_time() {
    let stage = run_web_to_end("").await;
    let log: String = (0..45_000).map(|line| format!("line {line}\n")).collect();
    assert!(log.len() > 470_000);
    stage.write("alloc/logs/web.stdout.0", &log);
    for _ in 0..3 {
        let mut body = logs(&stage.agent, "follow=false").await;
        let (mut decoder, mut text) = (Decoder::default(), BytesMut::new());
        while let Some(part) = timeout(SOON, body.frame()).await.unwrap() {
            decoder.feed(part.unwrap().into_data().unwrap()).unwrap();
            while let Some(frame) = decoder.next_frame().unwrap() {
                frame.data().decode_into(&mut text).unwrap();
            }
        }
        decoder.finish().unwrap();
        assert!(text == log.as_bytes(), "{} bytes", text.len());
    }
}

/// Nomad's own table of offsets, on files of a hundred bytes each.
#[tokio::test]
async fn an_offset_counts_over_all_files() {
    let stage = run_web_to_end("").await;
    for (index, letter) in ["a", "b", "c", "d"].into_iter().enumerate() {
        stage.write(&format!("alloc/logs/web.stdout.{index}"), letter.repeat(100));
    }
    for (index, letter) in ["x", "y", "z"].into_iter().enumerate() {
        stage.write(&format!("alloc/logs/web.stderr.{index}"), letter.repeat(100));
    }
    let all = |from: usize| {
        let all: String = ["a", "b", "c", "d"].map(|letter| letter.repeat(100)).concat();
        all[from..].to_owned()
    };
    for (query, expected) in [
        ("type=stdout", all(0)),
        ("type=stdout&offset=100", all(100)),
        ("type=stdout&offset=110", all(110)),
        ("type=stdout&offset=10000", all(400)),
        ("type=stdout&origin=end", all(300)),
        ("type=stdout&origin=end&offset=10", all(390)),
        ("type=stdout&origin=end&offset=150", all(250)),
        ("type=stdout&origin=end&offset=10000", all(0)),
        ("type=stdout&origin=end&offset=-10", all(310)),
        ("type=stderr&offset=250", "z".repeat(50)),
        ("type=stderr&origin=end", "z".repeat(100)),
    ] {
        let answer = stage.get("logs", &format!("task=web&plain=true&{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.text), (200, expected), "{query}");
    }
}
