//! The demo allocation: a real process that writes real logs.

use std::{sync::Arc, time::Duration};

use nomad_agent::{AllocSpec, Allocation, Allocations, LogLimits, TaskSpec};
use nomad_forward::StaticDirectory;
use nomad_wire::{AllocId, Namespace};
use tokio::time::timeout;

use super::FleetAgent;
use crate::StartError;

/// The job and the group of the demo allocation.
const JOB: &str = "demo";

/// The name of the demo allocation's task.
pub const DEMO_TASK: &str = "clock";

/// A shell starts in a fraction of this; if it does not, the fleet is there all the same.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes a line to standard output twice a second and one to standard error every five seconds, and leaves a file
/// to read in its `local` directory.
const SCRIPT: &str = r#"
echo "written by the demo task, process $$" > "${NOMAD_TASK_DIR:-local}/hello.txt"
n=0
while :; do
  n=$((n + 1))
  echo "tick $n at $(date +%H:%M:%S.%N)"
  if [ $((n % 10)) -eq 0 ]; then echo "ten more ticks, $n in all" >&2; fi
  sleep 0.5
done
"#;

/// Starts it on the first client unless it runs there already, and tells the directory. Its logs can be read when it
/// returns.
pub(super) async fn start(
    agents: &[FleetAgent],
    table: &StaticDirectory,
) -> Result<AllocId, StartError> {
    let client = agents
        .iter()
        .find_map(|FleetAgent { agent, .. }| Some((agent.node_id()?, agent.allocations()?)));
    let Some((node, allocations)) = client else { return Ok(new_id()) };
    let namespace = Namespace::default();
    let demo = find_or_start(allocations, &namespace)?;
    table.insert_allocation(*demo.id(), node, namespace);
    if let Some(task) = demo.task(DEMO_TASK) {
        let started = task.wait_for(|state| state.started.is_some());
        if timeout(START_TIMEOUT, started).await.is_err() {
            tracing::warn!(task = DEMO_TASK, "has not started yet");
        }
    }
    Ok(*demo.id())
}

/// A fleet whose data outlived it has its demo already, and the log of that goes on.
fn find_or_start(
    allocations: &Allocations,
    namespace: &Namespace,
) -> Result<Arc<Allocation>, StartError> {
    let earlier = allocations.all().into_iter().find(|one| one.job() == JOB && !one.is_terminal());
    if let Some(earlier) = earlier {
        return Ok(earlier);
    }
    let mut task = TaskSpec::new(DEMO_TASK, "/bin/sh").args(["-c", SCRIPT]);
    task.logs = LogLimits::default();
    let spec = AllocSpec {
        id: new_id(),
        namespace: namespace.clone(),
        job: JOB.to_owned(),
        group: JOB.to_owned(),
        tasks: vec![task],
    };
    allocations.start(spec).map_err(StartError::Allocation)
}

fn new_id() -> AllocId {
    let id = uuid::Uuid::new_v4().to_string();
    id.parse().expect("a fresh UUID is a well-formed id")
}
