//! The lines an agent logs.

use std::time::Duration;

use nomad_agent::{Agent, LineStyle, LogEntry, LogReceiver, Role};
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use crate::support::{get, get_as, start_alone, start_cluster};

/// The current lines, without their times.
async fn lines(feed: &mut LogReceiver) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(entry) = timeout(Duration::from_millis(1), feed.next()).await {
        match entry {
            LogEntry::Line(line) => seen.push(line.render(LineStyle::new())[25..].to_owned()),
            LogEntry::Dropped(count) => panic!("{count} lines were lost"),
        }
    }
    seen
}

fn subscribe(agent: &Agent) -> LogReceiver {
    agent.log().subscribe(LevelFilter::DEBUG)
}

#[tokio::test(start_paused = true)]
async fn every_request_is_a_line() {
    let agent = start_alone(Role::Both).await;
    let mut feed = subscribe(&agent);
    get(&agent, "/v1/agent/health?type=client").await;
    get(&agent, "/v1/agent/health?wait=bad").await;
    let seen = lines(&mut feed).await;
    let [complete, failed, after] = seen.as_slice() else { panic!("{seen:?}") };
    let start =
        "[DEBUG] http: request complete: method=GET path=/v1/agent/health?type=client duration=";
    assert!(complete.starts_with(start), "{complete}");
    assert_eq!(
        failed,
        "[DEBUG] http: request failed: method=GET path=/v1/agent/health?wait=bad error=\"Invalid wait time\" code=400\n"
    );
    assert!(after.starts_with("[DEBUG] http: request complete:"), "{after}");
}

#[tokio::test(start_paused = true)]
async fn no_token_is_ever_in_a_line() {
    let agent = start_alone(Role::Both).await;
    let mut feed = agent.log().subscribe(LevelFilter::TRACE);
    get_as(&agent, "management", "/v1/agent/self?token=s3cret&%74oken=s3cret&a=1").await;
    get_as(&agent, "s3cret", "/v1/agent/self").await;
    let seen = lines(&mut feed).await.concat();
    assert!(seen.contains("path=/v1/agent/self?token=<redacted>&token=<redacted>&a=1"), "{seen}");
    assert!(!seen.contains("s3cret") && !seen.contains("management"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn two_agents_in_one_process_write_two_logs() {
    let [one, two, _] = start_cluster().await;
    let (mut first, mut second) = (subscribe(&one), subscribe(&two));
    get(&one, "/v1/agent/members").await;
    assert_eq!(lines(&mut first).await.len(), 1);
    assert!(lines(&mut second).await.is_empty());
}
