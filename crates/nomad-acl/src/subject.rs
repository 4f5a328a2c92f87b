//! What a capability is required on.

use nomad_wire::Namespace;

/// The object that a call is about, as looked up in a directory or on the node; never as the caller names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Subject {
    /// An agent: no further object.
    #[default]
    Agent,
    /// A namespace, or an allocation or job in it. For lists, `*` asks whether any rule grants the right.
    Namespace(Namespace),
    /// A node pool.
    NodePool(Box<str>),
    /// A host volume.
    HostVolume(Box<str>),
    /// A variable.
    Variable(Box<Variable>),
    /// Nobody who was asked could say whose object it is. Rights that depend on it are left to the agent that answers:
    /// it knows the object, and it decides in any case.
    Unknown,
}

/// A variable, and the workload that asks for it if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The namespace of the variable.
    pub namespace: Namespace,
    /// Its path.
    pub path: Box<str>,
    /// Who asks, when a workload asks with its own identity.
    pub workload: Option<WorkloadIdentity>,
}

impl Variable {
    /// A variable asked for by a token.
    #[must_use]
    pub fn new(namespace: Namespace, path: &str) -> Self {
        Self { namespace, path: path.into(), workload: None }
    }

    /// The same variable asked for by a workload.
    #[must_use]
    pub fn with_workload(mut self, claim: WorkloadIdentity) -> Self {
        self.workload = Some(claim);
        self
    }
}

/// What a workload identity says of its workload; the group comes from the allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the four names are the whole path of a workload")]
pub struct WorkloadIdentity {
    /// The namespace of the job.
    pub namespace: Namespace,
    /// The job.
    pub job: Box<str>,
    /// The group.
    pub group: Box<str>,
    /// The task.
    pub task: Box<str>,
}

impl WorkloadIdentity {
    /// Whether the path is one of the four that every workload may list and read: `nomad/jobs`, and
    /// below it the job, the group and the task.
    #[must_use]
    pub fn owns_path(&self, namespace: &str, path: &str) -> bool {
        let Some(below) = path.strip_prefix("nomad/jobs") else { return false };
        if self.namespace.as_str() != namespace {
            return false;
        }
        let mut rest = below;
        for name in [&self.job, &self.group, &self.task] {
            if rest.is_empty() {
                return true;
            }
            let next = rest.strip_prefix('/').and_then(|rest| rest.strip_prefix(&**name));
            let Some(next) = next else { return false };
            rest = next;
        }
        rest.is_empty()
    }
}
