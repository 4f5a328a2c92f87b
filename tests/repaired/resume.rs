//! Streams that resume after the connection to their agent broke, or at the client's earlier position.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    log,
    log::{AgentLog, FILE, data, frame},
    logs, not_found, open, open_with_accept, read_rest, read_until_data, start_gateway, stream,
};
use crate::support::{FakeResponse, Feed, get, send_chunk};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_where_it_broke() {
    let log = AgentLog::new(&[(0, "aaa\nbbb\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_resume=true")).await;
    send_chunk(&feeder, frame(0, "aaa\nb", 4));
    assert!(feeder.send(Feed::Break).is_ok());
    // The agent has restarted, and sends its newest file from the beginning.
    let feeder = front.agent.stream(1).await;
    let asked = front.agent.paths();
    assert!(asked[1].contains("origin=end") && asked[1].contains("offset=0"), "{asked:?}");
    send_chunk(&feeder, frame(0, "aa", 2));
    send_chunk(&feeder, frame(0, "a\nbbb\n", 8));
    send_chunk(&feeder, frame(0, "ccc\n", 12));
    let seen = read_until_data(&mut stream, "aaa\nbbb\nccc\n").await;
    assert!(seen.contains(&frame(0, "bb\n", 8)), "only what is new: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rotated_meanwhile_loses_nothing() {
    let log = AgentLog::new(&[(0, "aaa\nbbb\n"), (1, "ccc\n"), (2, "ddd\neee\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_resume=true")).await;
    send_chunk(&feeder, frame(0, "aaa\n", 4));
    // As when a server in between loses the agent: the response ends properly, which a log never does.
    drop(feeder);
    let feeder = front.agent.stream(1).await;
    send_chunk(&feeder, frame(2, "ddd\n", 4));
    read_until_data(&mut stream, "aaa\nbbb\nccc\nddd\n").await;
    send_chunk(&feeder, frame(2, "eee\n", 8));
    read_until_data(&mut stream, "eee\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_away_for_a_while_is_waited_for() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let (log, seen) = (AgentLog::new(&[(0, "aaa\nbbb\n")]).agent(), Arc::clone(&refusals));
    let agent = move |path: &str| match seen.fetch_add(1, Ordering::Relaxed) {
        // It has not restored its allocations yet.
        1 | 2 => FakeResponse::Complete(404, "Unknown allocation".into()),
        _ => log(path),
    };
    let front = start_gateway(agent, not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_resume=true")).await;
    send_chunk(&feeder, frame(0, "aaa\n", 4));
    assert!(feeder.send(Feed::Break).is_ok());
    let feeder = front.agent.stream(1).await;
    send_chunk(&feeder, frame(0, "aaa\nbbb\n", 8));
    let seen = read_until_data(&mut stream, "aaa\nbbb\n").await;
    // Meanwhile heartbeats keep the client's connection open.
    assert_eq!(seen.matches("{}").count(), 3, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rotated_away_meanwhile_is_told() {
    let log = AgentLog::new(&[(5, "zzz\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_resume=true")).await;
    send_chunk(&feeder, frame(0, "aaa\n", 4));
    assert!(feeder.send(Feed::Break).is_ok());
    send_chunk(&front.agent.stream(1).await, frame(5, "zzz\n", 4));
    let seen = read_rest(&mut stream).await;
    let text = format!("{FILE}0 was removed before it was read to its end");
    assert!(seen.ends_with(&text), "{seen}");
    assert_eq!(data(&seen.replace(&text, "")), "aaa\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_known_is_told() {
    // The token may not list files, so only the first frame's offset is known.
    let log = AgentLog::new(&[(0, "aaa\nbbb\n")]).without_files();
    let front = start_gateway(log.agent(), not_found).await;
    let path = logs("&origin=end&offset=4&gateway_resume=true");
    let (mut stream, feeder) = open(&front, &path).await;
    send_chunk(&feeder, frame(0, "bbb\n", 8));
    assert!(feeder.send(Feed::Break).is_ok());
    let text =
        format!("the connection to the agent broke, and the position in {FILE}0 is not known");
    assert_eq!(read_rest(&mut stream).await, frame(0, "bbb\n", 8) + &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_own_error_is_the_end() {
    let log = AgentLog::new(&[(0, "aaa\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_resume=true")).await;
    let text = "failed to list entries: open /x: no such file or directory";
    send_chunk(&feeder, frame(0, "aaa\n", 4) + text);
    drop(feeder);
    assert_eq!(read_rest(&mut stream).await, frame(0, "aaa\n", 4) + text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_at_its_byte() {
    let front = start_gateway(|_| FakeResponse::Stream, not_found).await;
    let path = stream("&origin=start&offset=3&gateway_resume=true");
    let (mut stream, feeder) = open(&front, &path).await;
    let a = |data, offset| log::frame_of("a.txt", data, offset);
    // Merged from two reads.
    send_chunk(&feeder, a("defgh", 5));
    assert!(feeder.send(Feed::Break).is_ok());
    let feeder = front.agent.stream(1).await;
    let asked = front.agent.paths();
    assert!(asked[1].contains("offset=8") && asked[1].contains("origin=start"), "{asked:?}");
    send_chunk(&feeder, a("ijk", 11));
    read_until_data(&mut stream, "defghijk").await;
    // The deletion of a file is its end, not a break.
    send_chunk(&feeder, r#"{"File":"a.txt","FileEvent":"file deleted","Offset":11}"#);
    drop(feeder);
    assert!(read_rest(&mut stream).await.ends_with(r#""Offset":11}"#));
    assert_eq!(front.agent.paths().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_on_where_it_was() {
    let log = AgentLog::new(&[(0, "aaa\nbbb\n"), (1, "ccc\nddd\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let path = logs(&format!("&offset=99&gateway_after=4+{FILE}0"));
    let (mut stream, feeder) = open(&front, &path).await;
    assert_eq!(stream.headers["x-nomad-gateway-stream"], "after");
    send_chunk(&feeder, frame(1, "ccc\n", 4));
    read_until_data(&mut stream, "bbb\nccc\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_comes_back_gets_what_comes_after_its_last_event() {
    let log = AgentLog::new(&[(0, "aaa\nbbb\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let id = format!("4 {FILE}0");
    let headers = [("last-event-id", &*id)];
    let (mut stream, feeder) =
        open_with_accept(&front, &logs(""), "text/event-stream", &headers).await;
    send_chunk(&feeder, frame(0, "aaa\nbbb\n", 4));
    drop(feeder);
    assert_eq!(
        read_rest(&mut stream).await,
        format!("id: 8 {FILE}0\ndata: {}\n\n", frame(0, "bbb\n", 8))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_in_another_log_is_refused() {
    let front = start_gateway(|_| FakeResponse::Stream, not_found).await;
    let answer = get(front.address, &logs("&gateway_after=4+alloc/logs/web.stderr.0")).await;
    let text = "gateway_after must be a byte and a file of this stream";
    assert_eq!((answer.status.as_u16(), &*answer.text()), (400, text));
}
