//! `PUT /v1/agent/reload`

use std::sync::{Arc, Mutex};

use nomad_acl::AclDisabled;
use nomad_agent::{Agent, AgentConfig, LogLine, LogOutlet, Reloadable, Role, standalone};
use nomad_wire::query::LogLevel;
use tracing::debug;

use crate::support::{Answer, ask, ask_as, get, request};

const RELOAD: &str = "/v1/agent/reload";

/// Keeps what it hears.
#[derive(Default)]
struct Paper(Mutex<Vec<String>>);

impl LogOutlet for Paper {
    fn line(&self, _: &str, line: &LogLine) {
        self.0.lock().unwrap().push(line.message.clone());
    }
}

impl Paper {
    fn heard(&self, message: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| *heard == message).count()
    }
}

/// An agent whose configuration file is one word: its log level.
async fn agent(paper: &Arc<Paper>, level: &Arc<Mutex<&'static str>>) -> Agent {
    let outlet: Arc<dyn LogOutlet> = Arc::<Paper>::clone(paper);
    let level = Arc::clone(level);
    let config = AgentConfig { data_dir: None, ..AgentConfig::new("agent1", Role::Both) };
    let builder = Agent::builder(config).outlet(outlet).reload_from(move || {
        let word = *level.lock().unwrap();
        LogLevel::parse(word).map(Reloadable::new).ok_or_else(|| format!("no such level: {word}"))
    });
    builder.start().await.unwrap()
}

async fn reload(agent: &Agent, method: &str) -> Answer {
    ask(standalone(agent.clone(), AclDisabled), request(method, RELOAD)).await
}

fn speak(agent: &Agent) {
    tracing::dispatcher::with_default(agent.dispatch(), || debug!(target: "client", "a detail"));
}

#[tokio::test]
async fn the_level_of_the_log_changes() {
    let (paper, level) = (Arc::new(Paper::default()), Arc::new(Mutex::new("debug")));
    let agent = agent(&paper, &level).await;
    speak(&agent);
    assert_eq!(paper.heard("a detail"), 0);
    for method in ["PUT", "POST"] {
        let answer = reload(&agent, method).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        assert!(!answer.headers.contains_key("content-type"));
    }
    speak(&agent);
    assert_eq!(paper.heard("a detail"), 1);
    assert_eq!(get(&agent, "/v1/agent/self").await.json()["config"]["LogLevel"], "DEBUG");
    // What cannot be read is logged and changes nothing.
    *level.lock().unwrap() = "loud";
    assert_eq!(reload(&agent, "PUT").await.status, 200);
    assert_eq!(paper.heard("failed to reload the configuration"), 1);
    assert_eq!(agent.log_level(), LogLevel::Debug);
    // A program that reads its file for another reason brings it itself.
    agent.reload(Reloadable::new(LogLevel::Error));
    speak(&agent);
    assert_eq!(paper.heard("a detail"), 1);
}

#[tokio::test]
async fn it_takes_the_right_method_and_the_right_to_write() {
    let (paper, level) = (Arc::new(Paper::default()), Arc::new(Mutex::new("debug")));
    let agent = agent(&paper, &level).await;
    assert_eq!(reload(&agent, "GET").await.refusal(), (405, "Invalid method"));
    for token in ["", "agent-read", "node-write"] {
        assert_eq!(
            ask_as(&agent, token, request("GET", RELOAD)).await.refusal(),
            (405, "Invalid method")
        );
        let answer = ask_as(&agent, token, request("PUT", RELOAD)).await;
        assert_eq!(answer.refusal(), (403, "Permission denied"), "{token}");
    }
    assert_eq!(agent.log_level(), LogLevel::Info);
    assert_eq!(ask_as(&agent, "agent-write", request("PUT", RELOAD)).await.status, 200);
    assert_eq!(agent.log_level(), LogLevel::Debug);
}

#[tokio::test]
async fn without_a_source_nothing_changes() {
    let agent = Agent::builder(AgentConfig::new("agent1", Role::Client)).start().await.unwrap();
    assert_eq!(reload(&agent, "PUT").await.status, 200);
    assert_eq!(agent.log_level(), LogLevel::Info);
}
