//! `/v1/agent/monitor`

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use nomad_agent::{Agent, AgentConfig, Body, Role, Roster};
use nomad_wire::query::LogLevel;
use tokio::{
    task,
    time::{Instant, timeout},
};
use tracing::{debug, error, info};

use crate::support::{chunk, get, open, start, start_alone, start_cluster};

/// Logs a line as this agent.
fn log_as(agent: &Agent, say: impl FnOnce()) {
    tracing::dispatcher::with_default(agent.dispatch(), say);
}

/// Opens a monitor, and logs the first line once it is subscribed: a plain one has no head before.
async fn monitor(agent: &Agent, query: &str, say: impl FnOnce()) -> http::Response<Body> {
    let (asked, path) = (agent.clone(), format!("/v1/agent/monitor?{query}"));
    let before = agent.log().receiver_count();
    let opening = tokio::spawn(async move { open(&asked, &path).await });
    while agent.log().receiver_count() == before {
        task::yield_now().await;
    }
    log_as(agent, say);
    opening.await.unwrap()
}

#[tokio::test]
async fn parameters_are_checked_in_order() {
    let agent = start_alone(Role::Both).await;
    let syntax = |what: &str, value: &str| {
        format!("Unknown option for {what}: strconv.ParseBool: parsing \"{value}\": invalid syntax")
    };
    for (query, text) in [
        ("log_json=no&log_level=unknown", "Unknown log level: unknown".to_owned()),
        ("log_level=warning", "Unknown log level: warning".to_owned()),
        ("log_json=no&plain=x", syntax("log json", "no")),
        ("plain=x&log_include_location=maybe", syntax("plain", "x")),
        ("log_include_location=maybe", syntax("log_include_location", "maybe")),
        ("node_id=a&server_id=b", "Cannot target node and server simultaneously".to_owned()),
    ] {
        let answer = get(&agent, &format!("/v1/agent/monitor?{query}")).await;
        assert_eq!(answer.refusal(), (400, text.as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn frames_hold_the_log() {
    let agent = start_alone(Role::Both).await;
    let response = monitor(&agent, "log_level=warn", || {
        info!(target: "http", "not this");
        error!(target: "http", "but <this>");
    })
    .await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let first = chunk(&mut response.into_body()).await;
    assert!(
        first.starts_with("{\"Data\":\"") && first.ends_with(",\"FileEvent\":\"log\"}"),
        "{first}"
    );
}

#[tokio::test(start_paused = true)]
async fn plain_is_the_lines_and_nothing_else() {
    let roster = Arc::new(Roster::new());
    let mut config = AgentConfig::new("both1", Role::Both);
    // The level of the agent's own log does not matter to a monitor.
    config.log_level = LogLevel::Error;
    let agent = start(config, &roster).await;
    let response = monitor(&agent, "plain=true&log_level=debug", || {
        debug!(target: "http", "log that <script>should</script> be sent");
    })
    .await;
    assert_eq!(response.headers()["content-type"], "text/plain");
    let text = chunk(&mut response.into_body()).await;
    let line = "[DEBUG] http: log that <script>should</script> be sent\n";
    assert_eq!(&text[25..], line);
}

#[tokio::test(start_paused = true)]
async fn json_lines_and_locations_on_request() {
    let agent = start_alone(Role::Client).await;
    let say = || info!(target: "client", count = 3, "started");
    let response = monitor(&agent, "plain=1&log_json=1&log_include_location=true", say).await;
    let text = chunk(&mut response.into_body()).await;
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(line["@caller"].as_str().unwrap().contains("tests/api/monitor.rs:"), "{line}");
    assert_eq!((&line["@module"], &line["count"]), (&"client".into(), &3.into()));
}

#[tokio::test(start_paused = true)]
async fn a_silent_log_beats_in_frames_and_is_silent_in_plain() {
    let agent = start_alone(Role::Client).await;
    let started = Instant::now();
    let mut body = open(&agent, "/v1/agent/monitor").await.into_body();
    assert_eq!(chunk(&mut body).await, "{}");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(chunk(&mut body).await, "{}");
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    // Not even a head is sent.
    let plain = open(&agent, "/v1/agent/monitor?plain=true");
    assert!(timeout(Duration::from_secs(3600), plain).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_long_burst_is_cut_into_frames_of_1024_bytes() {
    let agent = start_alone(Role::Client).await;
    let started = Instant::now();
    let say = || info!(target: "client", "{}", "x".repeat(3000));
    let mut body = monitor(&agent, "plain=true", say).await.into_body();
    let sizes = [chunk(&mut body).await.len(), chunk(&mut body).await.len()];
    assert_eq!((sizes, started.elapsed()), ([1024, 1024], Duration::ZERO));
    assert!(chunk(&mut body).await.len() < 1024);
    assert_eq!(started.elapsed(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn lost_lines_are_told_every_three_seconds() {
    let agent = start_alone(Role::Client).await;
    let say = || info!(target: "client", "first");
    let mut body = monitor(&agent, "plain=true&log_json=true", say).await.into_body();
    assert!(chunk(&mut body).await.contains("first"));
    // These lines are not read, and 512 are queued.
    log_as(&agent, || (0..600).for_each(|n| info!(target: "client", n, "again")));
    let started = Instant::now();
    let mut text = String::new();
    while !text.ends_with("during monitor request\n") {
        text.push_str(&chunk(&mut body).await);
    }
    let notice = "\n[WARN] Monitor dropped 88 logs during monitor request\n";
    assert!(text.ends_with(notice), "{text}");
    assert_eq!(text.lines().count(), 513);
    assert!(started.elapsed() <= Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_agents_in_one_process_do_not_hear_each_other() {
    let [one, two, _] = start_cluster().await;
    let mut body = monitor(&one, "plain=true", || info!("one")).await.into_body();
    assert!(chunk(&mut body).await.ends_with(" one\n"));
    log_as(&two, || info!("two"));
    log_as(&one, || info!("one again"));
    assert!(chunk(&mut body).await.ends_with(" one again\n"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_is_forgotten_at_once() {
    let agent = start_alone(Role::Client).await;
    let response = open(&agent, "/v1/agent/monitor").await;
    assert_eq!((agent.log().receiver_count(), agent.open_streams()), (1, 1));
    drop(response);
    assert_eq!((agent.log().receiver_count(), agent.open_streams()), (0, 0));
    // One that disconnects before the head is unsubscribed likewise.
    let path = "/v1/agent/monitor?plain=true";
    assert!(timeout(Duration::from_secs(5), open(&agent, path)).await.is_err());
    assert_eq!((agent.log().receiver_count(), agent.open_streams()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn own_targets_are_here_and_others_are_refused() {
    let [leader, follower, client] = start_cluster().await;
    let own = client.node_id().unwrap();
    let server_id = leader.server_id().unwrap();
    for (agent, query) in [
        (&client, format!("node_id={own}")),
        // A client cannot reach a server's log and shows its own, as Nomad's does.
        (&client, "server_id=leader".to_owned()),
        (&leader, "server_id=leader".to_owned()),
        (&leader, "server_id=server1.global".to_owned()),
        (&leader, format!("server_id={server_id}&region=global")),
        (&leader, "region=nowhere".to_owned()),
    ] {
        let response = open(agent, &format!("/v1/agent/monitor?{query}")).await;
        let frame = response.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame, "{}", "{query}");
    }
    let other = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    for (agent, query, refusal) in [
        (&leader, "server_id=x".to_owned(), (400, "unknown Nomad server x".to_owned())),
        (&leader, "server_id=x&region=y".to_owned(), (400, "No path to region".to_owned())),
        (
            &leader,
            format!("node_id={other}"),
            (500, format!("RPC Error:: 404,Unknown node \"{other}\"")),
        ),
        (
            &client,
            "node_id=x".to_owned(),
            (
                500,
                "RPC Error:: 500,node lookup failed: index error: UUID must be 36 characters"
                    .to_owned(),
            ),
        ),
        (
            &follower,
            "server_id=leader".to_owned(),
            (501, "this agent does not relay requests to other agents".to_owned()),
        ),
    ] {
        let answer = get(agent, &format!("/v1/agent/monitor?{query}")).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.as_str()), "{query}");
    }
}
