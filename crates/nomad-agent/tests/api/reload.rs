//! `PUT /v1/agent/reload`

use std::sync::{Arc, Mutex};

use nomad_acl::AclDisabled;
use nomad_agent::{Agent, AgentConfig, LogLine, LogSink, ReloadableConfig, Role, standalone};
use nomad_wire::query::LogLevel;
use tracing::debug;

use crate::support::{TestResponse, get, request, send_request, send_request_as};

const RELOAD: &str = "/v1/agent/reload";

/// Stores the lines it receives.
#[derive(Default)]
struct RecordingSink(Mutex<Vec<String>>);

impl LogSink for RecordingSink {
    fn write_line(&self, _: &str, line: &LogLine) {
        self.0.lock().unwrap().push(line.message.clone());
    }
}

impl RecordingSink {
    fn count_lines(&self, message: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| *heard == message).count()
    }
}

/// An agent whose configuration file is one word: its log level.
async fn agent(paper: &Arc<RecordingSink>, level: &Arc<Mutex<&'static str>>) -> Agent {
    let outlet: Arc<dyn LogSink> = Arc::<RecordingSink>::clone(paper);
    let level = Arc::clone(level);
    let config = AgentConfig { data_dir: None, ..AgentConfig::new("agent1", Role::Both) };
    let builder = Agent::builder(config).log_sink(outlet).reload_from(move || {
        let word = *level.lock().unwrap();
        LogLevel::parse(word)
            .map(ReloadableConfig::new)
            .ok_or_else(|| format!("no such level: {word}"))
    });
    builder.start().await.unwrap()
}

async fn reload(agent: &Agent, method: &str) -> TestResponse {
    send_request(standalone(agent.clone(), AclDisabled), request(method, RELOAD)).await
}

fn log_every_level(agent: &Agent) {
    tracing::dispatcher::with_default(agent.dispatch(), || debug!(target: "client", "a detail"));
}

#[tokio::test]
async fn the_level_of_the_log_changes() {
    let (paper, level) = (Arc::new(RecordingSink::default()), Arc::new(Mutex::new("debug")));
    let agent = agent(&paper, &level).await;
    log_every_level(&agent);
    assert_eq!(paper.count_lines("a detail"), 0);
    for method in ["PUT", "POST"] {
        let answer = reload(&agent, method).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        assert!(!answer.headers.contains_key("content-type"));
    }
    log_every_level(&agent);
    assert_eq!(paper.count_lines("a detail"), 1);
    assert_eq!(get(&agent, "/v1/agent/self").await.json()["config"]["LogLevel"], "DEBUG");
    // A configuration that cannot be read is logged and changes nothing.
    *level.lock().unwrap() = "loud";
    assert_eq!(reload(&agent, "PUT").await.status, 200);
    assert_eq!(paper.count_lines("failed to reload the configuration"), 1);
    assert_eq!(agent.log_level(), LogLevel::Debug);
    // A program that reads its file for another reason applies it itself.
    agent.apply_config(ReloadableConfig::new(LogLevel::Error));
    log_every_level(&agent);
    assert_eq!(paper.count_lines("a detail"), 1);
}

#[tokio::test]
async fn it_takes_the_right_method_and_the_right_to_write() {
    let (paper, level) = (Arc::new(RecordingSink::default()), Arc::new(Mutex::new("debug")));
    let agent = agent(&paper, &level).await;
    assert_eq!(reload(&agent, "GET").await.refusal(), (405, "Invalid method"));
    for token in ["", "agent-read", "node-write"] {
        assert_eq!(
            send_request_as(&agent, token, request("GET", RELOAD)).await.refusal(),
            (405, "Invalid method")
        );
        let answer = send_request_as(&agent, token, request("PUT", RELOAD)).await;
        assert_eq!(answer.refusal(), (403, "Permission denied"), "{token}");
    }
    assert_eq!(agent.log_level(), LogLevel::Info);
    assert_eq!(send_request_as(&agent, "agent-write", request("PUT", RELOAD)).await.status, 200);
    assert_eq!(agent.log_level(), LogLevel::Debug);
}

#[tokio::test]
async fn without_a_source_nothing_changes() {
    let agent = Agent::builder(AgentConfig::new("agent1", Role::Client)).start().await.unwrap();
    assert_eq!(reload(&agent, "PUT").await.status, 200);
    assert_eq!(agent.log_level(), LogLevel::Info);
}
