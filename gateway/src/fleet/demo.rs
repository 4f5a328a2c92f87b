//! The demo allocation: a real process that writes real logs.

use nomad_agent::{AllocSpec, LogLimits, TaskSpec};
use nomad_forward::Table;
use nomad_wire::{AllocId, Namespace};

use super::FleetAgent;
use crate::StartError;

/// The job and the group of the demo allocation.
const JOB: &str = "demo";

/// The name of the demo allocation's task.
pub const DEMO_TASK: &str = "clock";

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

/// Starts it on the first client unless it runs there already, and tells the directory.
pub(super) fn start(agents: &[FleetAgent], table: &Table) -> Result<AllocId, StartError> {
    let client = agents
        .iter()
        .find_map(|FleetAgent { agent, .. }| Some((agent.node_id()?, agent.allocations()?)));
    let Some((node, allocations)) = client else { return Ok(fresh_id()) };
    let namespace = Namespace::default();
    // A fleet whose data outlived it has its demo already, and the log of that goes on.
    let earlier = allocations.all().into_iter().find(|one| one.job() == JOB && !one.is_terminal());
    let id = match earlier {
        Some(earlier) => *earlier.id(),
        None => {
            let id = fresh_id();
            let mut task = TaskSpec::new(DEMO_TASK, "/bin/sh").args(["-c", SCRIPT]);
            task.logs = LogLimits::default();
            let spec = AllocSpec {
                id,
                namespace: namespace.clone(),
                job: JOB.to_owned(),
                group: JOB.to_owned(),
                tasks: vec![task],
            };
            allocations.start(spec).map_err(StartError::Allocation)?;
            id
        }
    };
    table.insert_allocation(id, node, namespace);
    Ok(id)
}

fn fresh_id() -> AllocId {
    let id = uuid::Uuid::new_v4().to_string();
    id.parse().expect("a fresh UUID is a well-formed id")
}
