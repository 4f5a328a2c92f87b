//! What a client must be allowed to do, and what an agent must be.

/// The capability that a call costs. What it is in a policy is for the authorization to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new capability must show the match that has to learn it"
)]
pub enum Requires {
    /// Nothing: everybody may, with whatever token.
    Nothing,
    /// Nothing but a token that exists: without the right to it Nomad writes a warning, and obeys.
    AnyToken,
    /// The token of another agent, which is no ACL token.
    MigrateToken,
    /// Whatever the server that serves it asks for.
    ServerDecides,
    /// To read nodes.
    NodeRead,
    /// To write nodes.
    NodeWrite,
    /// To read agents.
    AgentRead,
    /// To write agents.
    AgentWrite,
    /// To read the files of the allocation.
    ReadFs,
    /// To read the logs of the allocation, or its files.
    ReadLogs,
    /// To read the job of the allocation.
    ReadJob,
    /// To restart and signal the allocation.
    AllocLifecycle,
    /// To collect the allocation, or to submit its job.
    CollectAllocation,
    /// To pause the allocation, or to submit its job.
    PauseAllocation,
    /// To run a command in the allocation. Where a task shares the file system of its host, the agent that runs it asks
    /// for more, for no other one knows the driver.
    AllocExec,
}

/// Which agents have the part of Nomad that serves a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an agent is a client, a server, or both")]
pub enum AgentRole {
    /// All of them.
    Any,
    /// Those in client mode. To others the method is invalid.
    Client,
    /// Those in server mode. To others the method is invalid.
    Server,
    /// Those in server mode. Others say so, before they look at the method.
    ServerOnly,
}
