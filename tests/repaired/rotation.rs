//! Bytes that an agent drops between two files of a log.

use super::{
    log::{AgentLog, FILE, frame},
    logs, not_found, open, read_rest, read_until_data, start_gateway,
};
use crate::support::{Feed, Stream, TestCluster, get, send_chunk};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_loses_at_a_rotation_is_read_again() {
    let log =
        AgentLog::new(&[(0, "aaa\nbbb\nlost tail\n"), (1, "all of it was lost\n"), (2, "ccc\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    for (number, (more, shape)) in
        [("", "application/json"), ("&plain=true", "text/plain")].into_iter().enumerate()
    {
        let path = logs(&format!("&gateway_rotation=repair{more}"));
        let (mut stream, feeder) =
            tokio::join!(Stream::open(front.address, &path), front.agent.stream(number));
        assert_eq!(stream.headers["content-type"], shape);
        assert_eq!(stream.headers["x-nomad-gateway-stream"], "repair-rotation");
        // Two reads in one frame: Nomad's offset is that of the first.
        send_chunk(&feeder, frame(0, "aaa\nbbb\n", 4));
        send_chunk(&feeder, "{}");
        send_chunk(&feeder, frame(2, "ccc\n", 4));
        let all = "aaa\nbbb\nlost tail\nall of it was lost\nccc\n";
        if more.is_empty() {
            let seen = read_until_data(&mut stream, all).await;
            assert!(
                seen.contains(&format!("{FILE}1")),
                "each byte under the name of its file: {seen}"
            );
        } else {
            assert_eq!(stream.read_until(|seen| seen.len() >= all.len()).await, all);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_lost_nothing_stays_as_it_was() {
    let log = AgentLog::new(&[(0, "aaa\n"), (1, "bbb\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_rotation=repair")).await;
    let sent = [frame(0, "aaa\n", 4), frame(1, "bbb\n", 4)];
    for frame in &sent {
        send_chunk(&feeder, frame.clone());
    }
    let seen = stream.read_until(|seen| seen.len() >= sent.concat().len()).await;
    assert_eq!(seen, sent.concat());
    // Only the tail was requested.
    let asked = front.agent.paths();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].contains("offset=4") && asked[1].contains("follow=false"), "{asked:?}");
    assert!(!asked[0].contains("gateway"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_logs_but_no_files_gets_the_tail_from_the_log() {
    let log = AgentLog::new(&[(0, "old\n"), (1, "aaa\nlost\n"), (2, "bbb\n")]).without_files();
    let front = start_gateway(log.agent(), not_found).await;
    let path = logs("&origin=end&gateway_rotation=repair");
    let (mut stream, feeder) = open(&front, &path).await;
    send_chunk(&feeder, frame(1, "aaa\n", 4));
    send_chunk(&feeder, frame(2, "bbb\n", 4));
    read_until_data(&mut stream, "aaa\nlost\nbbb\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_told_in_the_stream() {
    let log = AgentLog::new(&[(2, "ccc\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("&gateway_rotation=repair")).await;
    send_chunk(&feeder, frame(1, "bbb\n", 4));
    send_chunk(&feeder, frame(2, "ccc\n", 4));
    let text = format!("{FILE}1 was removed before it was read to its end");
    assert_eq!(read_rest(&mut stream).await, frame(1, "bbb\n", 4) + &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_is_turned_into_a_position_first() {
    let log = AgentLog::new(&[(3, "0123456789"), (4, "abcdef")]);
    let front = start_gateway(log.agent(), not_found).await;
    // Eight bytes before the end: two of them in the older file.
    let (mut stream, feeder) =
        open(&front, &logs("&origin=end&offset=8&gateway_rotation=repair")).await;
    let asked = front.agent.paths();
    assert!(asked[1].contains("origin=start") && asked[1].contains("offset=8"), "{asked:?}");
    // Bytes written meanwhile are in the same frame; its offset does not show that.
    send_chunk(&feeder, frame(4, "abcdef", 1));
    read_until_data(&mut stream, "89abcdef").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_parameter_the_stream_is_the_agents() {
    let log = AgentLog::new(&[(0, "aaa\nlost\n"), (1, "bbb\n")]);
    let front = start_gateway(log.agent(), not_found).await;
    let (mut stream, feeder) = open(&front, &logs("")).await;
    let sent = frame(0, "aaa\n", 4) + &frame(1, "bbb\n", 4);
    send_chunk(&feeder, sent.clone());
    assert_eq!(stream.read_until(|seen| seen.len() >= sent.len()).await, sent);
    assert!(feeder.send(Feed::Break).is_ok());
    assert!(stream.next().await.unwrap().is_err());
    assert_eq!(front.agent.paths().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_agents_log_of_many_files_comes_whole() {
    let world = TestCluster::start().await;
    let id = world.run_rotating(
        "many",
        "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done; sleep 600",
    );
    let path = format!(
        "/v1/client/fs/logs/{id}?task=many&type=stdout&follow=true&plain=true\
         &gateway_rotation=repair&gateway_resume=true"
    );
    while get(world.agent("client1").1, &path.replace("follow=true", "follow=false"))
        .await
        .body
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    let mut stream = Stream::open(world.gateway, &path).await;
    let seen = stream.read_until(|seen| seen.ends_with("line 4000\n")).await;
    let expect: String = (1..=4000).map(|line| format!("line {line}\n")).collect();
    assert_eq!(seen, expect);
}
