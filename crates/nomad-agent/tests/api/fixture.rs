//! A client that runs one allocation, whose files the test writes.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use nomad_agent::{Agent, AgentConfig, AllocSpec, Allocation, Phase, Role, Roster, TaskSpec};

use crate::support::{TestResponse, get, send, start};

/// The allocation of the fixture.
pub(crate) const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
/// An allocation that does not exist.
pub(crate) const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// Long enough for a loaded machine; every wait ends at its event.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct AllocFixture {
    pub(crate) agent: Agent,
    pub(crate) alloc: Arc<Allocation>,
    _dir: tempfile::TempDir,
}

/// Shell script `script` as a task of this name.
pub(crate) fn shell(name: &str, script: &str) -> TaskSpec {
    TaskSpec::new(name, "/bin/sh").args(["-c", script])
}

/// The allocation of the fixture with these tasks: job `site` in namespace `apps`.
pub(crate) fn alloc(tasks: Vec<TaskSpec>) -> AllocSpec {
    AllocSpec {
        id: ALLOC.parse().unwrap(),
        namespace: "apps".into(),
        job: "site".to_owned(),
        group: "front".to_owned(),
        tasks,
    }
}

/// These tasks on a client.
pub(crate) async fn start_tasks(tasks: Vec<TaskSpec>) -> AllocFixture {
    let dir = tempfile::tempdir().unwrap();
    let config = AgentConfig {
        alloc_dir: Some(dir.path().join("alloc")),
        ..AgentConfig::new("client1", Role::Client)
    };
    let agent = start(config, &Arc::new(Roster::new())).await;
    let alloc = agent.run(alloc(tasks)).unwrap();
    AllocFixture { agent, alloc, _dir: dir }
}

/// Shell script `script` as task `web` beside a task `ghost` that cannot start.
pub(crate) async fn start_web(script: &str) -> AllocFixture {
    let tasks = vec![shell("web", script), TaskSpec::new("ghost", "/does/not/exist")];
    let stage = start_tasks(tasks).await;
    stage.alloc.task("web").unwrap().wait_for(|state| state.phase == Phase::Running).await;
    stage.alloc.task("ghost").unwrap().wait_for(|_| false).await;
    stage
}

/// The same after its task has ended.
pub(crate) async fn run_web_to_end(script: &str) -> AllocFixture {
    let stage = start_web(script).await;
    stage.alloc.task("web").unwrap().wait_for(|_| false).await;
    stage
}

impl AllocFixture {
    /// A path inside the allocation.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.alloc.directory().root().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(path), content).unwrap();
    }

    pub(crate) fn append(&self, path: &str, content: &str) {
        use std::io::Write as _;
        let file = fs::OpenOptions::new().create(true).append(true).open(self.path(path));
        file.unwrap().write_all(content.as_bytes()).unwrap();
    }

    /// Waits until a file inside the allocation has this line, and returns all of it.
    pub(crate) async fn wait_for_line(&self, path: &str, line: &str) -> String {
        self.wait(path, |text| text.lines().any(|found| found == line)).await
    }

    /// Waits until the standard output of a task is exactly this.
    pub(crate) async fn wait_for_log(&self, task: &str, wanted: &str) {
        self.wait(&format!("alloc/logs/{task}.stdout.0"), |text| text == wanted).await;
    }

    async fn wait(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let seen = async {
            loop {
                let text = fs::read_to_string(self.path(path)).unwrap_or_default();
                if wanted(&text) {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, seen).await.unwrap()
    }

    /// Sends `call` for the allocation, with a body.
    pub(crate) async fn send(&self, method: &str, call: &str, body: &str) -> TestResponse {
        send(&self.agent, method, &format!("/v1/client/allocation/{ALLOC}/{call}"), body).await
    }

    /// Sends `call` (`fs/ls`, say) for the allocation.
    pub(crate) async fn get(&self, call: &str, query: &str) -> TestResponse {
        get(&self.agent, &format!("/v1/client/fs/{call}/{ALLOC}?{query}")).await
    }
}
