//! Streams through the gateway: frames arrive as they are written, and end when the client disconnects.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::support::{Stream, TestCluster, get, world};

/// How long a test waits for a stream to end before it counts as a leak.
const END_TIMEOUT: Duration = Duration::from_secs(2);

async fn wait_stream_end(world: &TestCluster, agent: &str) -> Duration {
    let since = Instant::now();
    let gone = async {
        while world.agent(agent).0.open_streams() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(END_TIMEOUT, gone).await.expect("the agent still streams without a client");
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn log_frames_come_as_they_are_written() {
    let world = TestCluster::start().await;
    let id = world.written_allocation().await;
    let mut stream = Stream::open(
        world.gateway,
        &format!("/v1/client/fs/logs/{id}?task=clock&type=stdout&follow=true"),
    )
    .await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "application/json");
    assert_eq!(stream.headers["x-nomad-gateway-agent"], "client1");
    assert_eq!(stream.headers["x-nomad-gateway-path"], "direct");
    let seen = stream
        .read_until(|seen| seen.matches("\"Data\"").count() >= 3 && seen.contains("{}"))
        .await;
    assert!(!seen.contains('\n'), "frames are not separated: {seen}");
    assert!(seen.contains("\"File\":\"alloc/logs/clock.stdout.0\""), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_logs_are_the_bytes_of_the_task() {
    let world = TestCluster::start().await;
    let id = world.written_allocation().await;
    let path = format!("/v1/client/fs/logs/{id}?task=clock&type=stdout&follow=true&plain=true");
    let mut stream = Stream::open(world.gateway, &path).await;
    assert_eq!(stream.headers["content-type"], "text/plain");
    let seen = stream.read_until(|seen| seen.contains("tick 3 ")).await;
    let ticks: Vec<_> = seen.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(&ticks[..3], ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_client() {
    let world = TestCluster::start().await;
    let id = world.written_allocation().await;
    let node = world.node("client1");
    for path in [
        format!("/v1/client/fs/logs/{id}?task=clock&type=stdout&follow=true"),
        format!("/v1/client/fs/logs/{id}?task=clock&type=stdout&follow=true&plain=true"),
        format!("/v1/client/fs/stream/{id}?path=alloc/logs/clock.stdout.0"),
        format!("/v1/agent/monitor?node_id={node}"),
    ] {
        let mut soonest = END_TIMEOUT;
        for _ in 0..3 {
            let mut stream = Stream::open(world.gateway, &path).await;
            stream.next().await.unwrap().unwrap();
            assert_eq!(world.agent("client1").0.open_streams(), 1, "{path}");
            drop(stream);
            soonest = soonest.min(wait_stream_end(&world, "client1").await);
        }
        // The fastest of three, because other tests keep the processors busy.
        assert!(soonest < Duration::from_millis(100), "{path} outlived its client by {soonest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_plain_monitor_ends_with_its_client_too() {
    let world = TestCluster::start().await;
    let path =
        format!("/v1/agent/monitor?node_id={}&plain=true&log_level=error", world.node("client2"));
    // No head comes before the first log line, so the client disconnects while it waits.
    let waiting = timeout(Duration::from_millis(300), Stream::open(world.gateway, &path)).await;
    assert!(waiting.is_err(), "a head without a log line");
    let (agent, _) = world.agent("client2");
    let gone = async {
        while agent.log().receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(END_TIMEOUT, gone).await.expect("the agent still logs without a client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_shows_the_agents_own_live_log() {
    let world = TestCluster::start().await;
    let node = world.node("client2");
    let path = format!("/v1/agent/monitor?node_id={node}&log_level=debug&plain=true");
    let (agent, address) = world.agent("client2");
    let opened = Stream::open(world.gateway, &path);
    let poked = async {
        while agent.log().receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        get(address, "/v1/agent/health").await;
    };
    let (mut stream, ()) = tokio::join!(opened, poked);
    let seen = stream.read_until(|seen| seen.contains("/v1/agent/health")).await;
    assert!(seen.contains("[DEBUG] http: request complete"), "{seen}");
    assert_eq!(stream.headers["content-type"], "text/plain");
}

/// Lines that contain the time at which they were written.
const STAMPS: &str = "while :; do date +%s.%N; sleep 0.07; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_seen_within_300_ms_of_its_writing() {
    let world = TestCluster::start().await;
    let id = world.run("stamps", STAMPS);
    let path = format!("/v1/client/fs/logs/{id}?task=stamps&type=stdout&follow=true&plain=true");
    while get(world.gateway, &path.replace("follow=true", "follow=false")).await.body.is_empty() {
        tokio::task::yield_now().await;
    }
    let mut stream = Stream::open(world.gateway, &format!("{path}&origin=end")).await;
    stream.next().await.unwrap().unwrap();
    let mut ages = Vec::new();
    while ages.len() < 15 {
        let piece = stream.next().await.unwrap().unwrap();
        let now = world::now();
        let written = String::from_utf8_lossy(&piece)
            .lines()
            .next()
            .and_then(|line| line.parse::<f64>().ok());
        // The first whole line of a chunk is the one that waited longest.
        ages.extend(written.map(|written| now - written));
    }
    ages.sort_by(f64::total_cmp);
    let median = ages[ages.len() / 2];
    assert!(median < 0.3, "half of the lines were older than {median} s: {ages:?}");
}
