//! A fleet with a gateway in front of it, on free ports.

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use nomad_agent::{Agent, AllocSpec, LogLimits, TaskSpec};
use nomad_gateway::{
    Gateway, ShutdownController,
    fleet::{Bootstrap, Fleet, FleetOptions, FleetTokens},
    listener::Listener,
};
use nomad_wire::{AllocId, Namespace};
use tempfile::TempDir;

use super::get;

/// Three servers, two clients, a demo allocation on the first client, and the gateway.
pub(crate) struct TestCluster {
    pub(crate) gateway: SocketAddr,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) tokens: Option<Bootstrap>,
    controller: ShutdownController,
    _data: TempDir,
}

impl TestCluster {
    /// ACLs off: every request is allowed.
    pub(crate) async fn start() -> Self {
        Self::start_with(FleetTokens::Disabled, None).await
    }

    /// Clients need one of the bootstrap tokens.
    pub(crate) async fn with_acls() -> Self {
        let (tokens, bootstrap) = FleetTokens::bootstrap().unwrap();
        Self::start_with(tokens, Some(bootstrap)).await
    }

    async fn start_with(acl: FleetTokens, tokens: Option<Bootstrap>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let stopper = ShutdownController::new(Duration::ZERO);
        let options = FleetOptions { tokens: acl.clone(), ..FleetOptions::new(data.path()) };
        let fleet = Fleet::start(&options, &stopper.subscribe()).await.unwrap();
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let gateway = listener.address();
        let serving = Gateway::new(fleet.directory().clone(), acl);
        tokio::spawn(serving.serve(listener, stopper.subscribe()));
        Self { gateway, fleet: Arc::new(fleet), tokens, controller: stopper, _data: data }
    }

    /// An agent by its bare name, and its address.
    pub(crate) fn agent(&self, name: &str) -> (&Agent, SocketAddr) {
        let found = self.fleet.agents().iter().find(|entry| entry.agent.config().name == name);
        let entry = found.unwrap();
        (&entry.agent, entry.address)
    }

    /// The node id of a client.
    pub(crate) fn node(&self, name: &str) -> String {
        self.agent(name).0.node_id().unwrap().to_string()
    }

    /// The id of a server.
    pub(crate) fn server(&self, name: &str) -> String {
        self.agent(name).0.server_id().unwrap().to_string()
    }

    /// The demo allocation.
    pub(crate) fn allocation(&self) -> String {
        self.fleet.demo_allocation().to_string()
    }

    /// The demo allocation, once its task has written to its log and its file.
    pub(crate) async fn written_allocation(&self) -> String {
        let id = self.allocation();
        for path in ["alloc/logs/clock.stdout.0", "clock/local/hello.txt"] {
            let path = format!("/v1/client/fs/cat/{id}?path={path}");
            while !get(self.agent("client1").1, &path).await.text().ends_with('\n') {
                tokio::task::yield_now().await;
            }
        }
        id
    }

    /// Runs a shell script as the only task, of the same name, of a further allocation on the first client.
    pub(crate) fn run(&self, task: &str, script: &str) -> String {
        self.run_task(TaskSpec::new(task, "/bin/sh").args(["-c", script]))
    }

    /// The same with a log of many small files.
    pub(crate) fn run_rotating(&self, task: &str, script: &str) -> String {
        let mut spec = TaskSpec::new(task, "/bin/sh").args(["-c", script]);
        spec.logs =
            LogLimits { max_files: NonZeroUsize::MIN.saturating_add(49), max_file_size: 4096 };
        self.run_task(spec)
    }

    fn run_task(&self, task: TaskSpec) -> String {
        let (agent, _) = self.agent("client1");
        let id: AllocId = uuid().parse().unwrap();
        let spec = AllocSpec {
            id,
            namespace: Namespace::default(),
            job: task.name.clone(),
            group: task.name.clone(),
            tasks: vec![task],
        };
        agent.allocations().unwrap().start(spec).unwrap();
        self.fleet.directory().insert_allocation(
            id,
            agent.node_id().unwrap(),
            Namespace::default(),
        );
        id.to_string()
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.controller.start_drain();
    }
}

/// An id that no other test has.
fn uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned()
}

/// Seconds since 1970, as `date +%s.%N` writes them.
#[expect(
    clippy::disallowed_types,
    reason = "a task of its own process stamps its lines with the wall clock"
)]
pub(crate) fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}
