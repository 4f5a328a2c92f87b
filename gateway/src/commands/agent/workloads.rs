//! Starts what the configuration wants run.

use std::{fs, io, path::Path};

use nomad_agent::{Agent, AllocSpec, AllocStartError};
use nomad_wire::AllocId;

use super::{AgentRunError, config::AllocationSettings};

/// Starts every allocation. One without a written id has the same one at every start.
pub(super) fn start_allocations(
    agent: &Agent,
    wanted: Vec<AllocationSettings>,
) -> Result<(), AgentRunError> {
    for allocation in wanted {
        let AllocationSettings { name, id, namespace, job, group, tasks } = allocation;
        let failed = |source| AgentRunError::AllocationId { name: name.clone(), source };
        let id = match (id, &agent.config().data_dir) {
            (Some(id), _) => id,
            (None, Some(data)) => {
                persistent_id(&data.join("client/alloc-ids").join(&name)).map_err(failed)?
            }
            (None, None) => new_id(),
        };
        match agent.run(AllocSpec { id, namespace, job, group, tasks }) {
            Ok(_) => {}
            // The agent has brought it back from its earlier life, with its state; only a new id starts anew.
            Err(AllocStartError::DuplicateId(_)) => {
                tracing::info!(target: "client", name, "allocation goes on as it was");
            }
            Err(source) => return Err(AgentRunError::Allocation { name, source }),
        }
    }
    Ok(())
}

fn persistent_id(file: &Path) -> io::Result<AllocId> {
    match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} holds no id: {error}", file.display()),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = new_id();
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(file, id.to_string())?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

fn new_id() -> AllocId {
    let id = uuid::Uuid::new_v4().to_string();
    id.parse().expect("a fresh UUID is a well-formed id")
}
