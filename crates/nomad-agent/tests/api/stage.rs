//! A client that runs one allocation, whose files are what a test makes them.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use nomad_agent::{Agent, AgentConfig, AllocSpec, Allocation, Phase, Role, Roster, TaskSpec};

use crate::support::{Answer, get, start};

/// The allocation on the stage.
pub(crate) const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
/// An allocation that is not there.
pub(crate) const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// Long enough for a loaded machine; every wait ends at its event.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    pub(crate) agent: Agent,
    pub(crate) alloc: Arc<Allocation>,
    _dir: tempfile::TempDir,
}

/// Shell script `script` as task `web` of job `site` in namespace `apps`, beside a task `ghost` that cannot start.
pub(crate) async fn stage(script: &str) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let config = AgentConfig {
        alloc_dir: Some(dir.path().join("alloc")),
        ..AgentConfig::new("client1", Role::Client)
    };
    let agent = start(config, &Arc::new(Roster::new())).await;
    let spec = AllocSpec {
        id: ALLOC.parse().unwrap(),
        namespace: "apps".into(),
        job: "site".to_owned(),
        group: "front".to_owned(),
        tasks: vec![
            TaskSpec::new("web", "/bin/sh").args(["-c", script]),
            TaskSpec::new("ghost", "/does/not/exist"),
        ],
    };
    let alloc = agent.run(spec).unwrap();
    alloc.task("web").unwrap().reached(|state| state.phase == Phase::Running).await;
    alloc.task("ghost").unwrap().reached(|_| false).await;
    Stage { agent, alloc, _dir: dir }
}

/// The same after its task has ended.
pub(crate) async fn ended(script: &str) -> Stage {
    let stage = stage(script).await;
    stage.alloc.task("web").unwrap().reached(|_| false).await;
    stage
}

impl Stage {
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

    /// Asks `call` (`fs/ls`, say) about the allocation.
    pub(crate) async fn get(&self, call: &str, query: &str) -> Answer {
        get(&self.agent, &format!("/v1/client/fs/{call}/{ALLOC}?{query}")).await
    }
}
