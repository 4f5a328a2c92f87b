//! Logs that end with their task.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Request;
use http_body_util::Full;

use super::{
    ALLOC,
    log::{AgentLog, data, frame},
    logs, open, read_rest, start_gateway,
};
use crate::support::{FakeResponse, Stream, get, send_chunk};

/// A server's view of the allocation, with its changes.
fn server(is_dead: Arc<AtomicBool>) -> impl Fn(&str) -> FakeResponse + Send + Sync + 'static {
    move |path| {
        assert!(path.starts_with(&format!("/v1/allocation/{ALLOC}")), "{path}");
        let state = if is_dead.load(Ordering::Relaxed) { "dead" } else { "running" };
        FakeResponse::Complete(
            200,
            format!(r#"{{"ClientStatus":"running","TaskStates":{{"web":{{"State":"{state}"}}}}}}"#),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_ends_with_its_task_and_not_before_its_last_line() {
    let is_dead = Arc::new(AtomicBool::new(false));
    let log = AgentLog::new(&[(0, "one\ntwo\nlast words\n")]);
    let front = start_gateway(log.agent(), server(Arc::clone(&is_dead))).await;
    let request = Request::get(logs("&gateway_until=dead&plain=true"))
        .header("x-nomad-token", "the client token")
        .body(Full::default())
        .unwrap();
    let (mut stream, feeder) =
        tokio::join!(Stream::send(front.address, request), front.agent.stream(0));
    assert_eq!(stream.headers["x-nomad-gateway-stream"], "until-dead");
    send_chunk(&feeder, frame(0, "one\n", 4));
    assert_eq!(stream.next().await.unwrap().unwrap(), "one\n");
    is_dead.store(true, Ordering::Relaxed);
    send_chunk(&feeder, frame(0, "two\n", 8));
    // The agent never sends the last bytes; they are in the file.
    assert_eq!(read_rest(&mut stream).await, "two\nlast words\n");
    front.agent.wait_streams_ended(1).await;
    for head in front.server.heads() {
        assert!(head.contains("the client token"), "{head}");
    }
    assert!(front.server.paths().iter().skip(1).all(|path| path.contains("wait=60s")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_dead_task_ends_when_it_is_read() {
    let log = AgentLog::new(&[(0, "one\n"), (1, "two\n")]);
    let front = start_gateway(log.agent(), server(Arc::new(AtomicBool::new(true)))).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_until=dead")).await;
    send_chunk(&feeder, frame(0, "one\n", 4));
    assert_eq!(data(&read_rest(&mut stream).await), "one\ntwo\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_know_about_the_task_is_told_so() {
    let front = start_gateway(
        |_| FakeResponse::Stream,
        |_| FakeResponse::Complete(403, "Permission denied".into()),
    )
    .await;
    let answer = get(front.address, &logs("&gateway_until=dead")).await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (403, "Permission denied"));
    assert!(front.agent.paths().is_empty());
    let answer = get(front.address, &logs("&gateway_until=tomorrow")).await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (400, "gateway_until must be dead"));
}
