//! `stream`: a file in frames.

use std::{fs, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::{
    fixture::{ALLOC, AllocFixture, SOON, run_web_to_end},
    support::{chunk, open_over_http},
};

const FILE: &str = "alloc/data/file";

async fn stream(stage: &AllocFixture, query: &str) -> Incoming {
    let path = format!("/v1/client/fs/stream/{ALLOC}?path={FILE}&{query}");
    let response = timeout(SOON, open_over_http(&stage.agent, &path)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    response.into_body()
}

/// The next chunk that is not a heartbeat.
async fn next(body: &mut Incoming) -> String {
    loop {
        let chunk = timeout(SOON, chunk(body)).await.unwrap();
        if chunk != "{}" {
            return chunk;
        }
    }
}

#[tokio::test]
async fn a_short_file_is_one_frame() {
    let stage = run_web_to_end("").await;
    stage.write("alloc/logs/web.stdout.0", "<script>alert(document.domain);</script>");
    let answer = stage.get("stream", "follow=false&path=alloc/logs/web.stdout.0").await;
    let frame = r#"{"Data":"PHNjcmlwdD5hbGVydChkb2N1bWVudC5kb21haW4pOzwvc2NyaXB0Pg==","File":"alloc/logs/web.stdout.0","Offset":40}"#;
    assert_eq!(answer.text, frame);
    let end =
        stage.get("stream", "follow=false&path=alloc/logs/web.stdout.0&origin=end&offset=3").await;
    assert_eq!(
        end.text,
        r#"{"Data":"aXB0","File":"alloc/logs/web.stdout.0","Offset":40}"#.replace("aXB0", "cHQ+")
    );
}

#[tokio::test]
async fn what_lies_beyond_the_end_is_nothing_or_everything() {
    let stage = run_web_to_end("").await;
    stage.write(FILE, "abc");
    assert_eq!(stage.get("stream", &format!("follow=false&offset=10&path={FILE}")).await.text, "");
    for far in ["offset=9223372036854775807", "origin=end&offset=-9223372036854775808"] {
        let query = format!("follow=false&{far}&path={FILE}");
        assert_eq!(stage.get("stream", &query).await.refusal(), (200, ""), "{far}");
    }
    let mut body = stream(&stage, "offset=10").await;
    let anew =
        format!(r#"{{"Data":"YWJj","File":"{FILE}","FileEvent":"file truncated","Offset":3}}"#);
    assert_eq!(next(&mut body).await, anew);
}

#[tokio::test]
async fn a_file_is_followed_by_default() {
    let stage = run_web_to_end("").await;
    stage.write(FILE, "abc");
    let mut body = stream(&stage, "").await;
    assert_eq!(next(&mut body).await, format!(r#"{{"Data":"YWJj","File":"{FILE}","Offset":3}}"#));
    stage.append(FILE, "def");
    assert_eq!(next(&mut body).await, format!(r#"{{"Data":"ZGVm","File":"{FILE}","Offset":6}}"#));
}

#[tokio::test]
async fn a_cut_is_told_and_then_the_new_bytes() {
    let stage = run_web_to_end("").await;
    stage.write(FILE, "abcdef");
    let mut body = stream(&stage, "").await;
    next(&mut body).await;
    stage.write(FILE, "");
    assert_eq!(
        next(&mut body).await,
        format!(r#"{{"File":"{FILE}","FileEvent":"file truncated"}}"#)
    );
    stage.append(FILE, "abc");
    assert_eq!(next(&mut body).await, format!(r#"{{"Data":"YWJj","File":"{FILE}","Offset":3}}"#));
}

#[tokio::test]
async fn a_deletion_is_told_and_ends_the_stream() {
    let stage = run_web_to_end("").await;
    stage.write(FILE, "abc");
    let mut body = stream(&stage, "").await;
    next(&mut body).await;
    fs::remove_file(stage.path(FILE)).unwrap();
    let deleted = format!(r#"{{"File":"{FILE}","FileEvent":"file deleted","Offset":3}}"#);
    assert_eq!(next(&mut body).await, deleted);
    assert!(timeout(SOON, body.frame()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_silent_stream_has_its_head_with_the_first_heartbeat() {
    let stage = run_web_to_end("").await;
    stage.write(FILE, "");
    let began = std::time::Instant::now();
    let mut body = stream(&stage, "").await;
    assert_eq!(chunk(&mut body).await, "{}");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn the_end_of_a_file_is_followed_although_its_allocation_has_ended() {
    let stage = run_web_to_end("printf 'Hello from the other side'").await;
    let query = "path=alloc/logs/web.stdout.0&offset=4&origin=end";
    let frame = r#"{"Data":"c2lkZQ==","File":"alloc/logs/web.stdout.0","Offset":25}"#;
    let short = format!("{query}&follow=false");
    let whole = timeout(Duration::from_secs(1), stage.get("stream", &short)).await.unwrap();
    assert_eq!(whole.text, frame);
    let path = format!("/v1/client/fs/stream/{ALLOC}?{query}");
    let mut body = open_over_http(&stage.agent, &path).await.into_body();
    assert_eq!(chunk(&mut body).await, frame);
    // Still open after one second, and after two.
    assert_eq!(chunk(&mut body).await, "{}");
    assert_eq!(chunk(&mut body).await, "{}");
}

#[tokio::test]
async fn what_is_written_after_a_silence_arrives() {
    let stage = run_web_to_end("").await;
    let missing = stage.get("stream", "path=alloc/data/nowhere").await;
    let text =
        format!("stat {}: no such file or directory", stage.path("alloc/data/nowhere").display());
    assert_eq!(missing.refusal(), (400, text.as_str()));
    stage.write(FILE, "before");
    let mut body = stream(&stage, "").await;
    assert_eq!(
        next(&mut body).await,
        format!(r#"{{"Data":"YmVmb3Jl","File":"{FILE}","Offset":6}}"#)
    );
    // A heartbeat comes after a second of silence.
    assert_eq!(chunk(&mut body).await, "{}");
    stage.append(FILE, " after");
    assert_eq!(
        next(&mut body).await,
        format!(r#"{{"Data":"IGFmdGVy","File":"{FILE}","Offset":12}}"#)
    );
}
