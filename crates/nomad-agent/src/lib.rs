//! A reference Nomad agent: the agent and client API over this host, as a [`tower_service::Service`].
//!
//! There is no Nomad behind it. A client agent runs tasks, keeps their logs and reports on its machine; a server
//! agent knows its fellow servers. Responses and errors are those of Nomad 2.0, so any client of a Nomad agent can
//! use this one. It reports its version as `2.0.5+reference`.
//!
//! # Serving it in three lines
//!
//! The crate does not listen for HTTP. [`standalone()`] makes an infallible service that takes a request as it
//! came; any HTTP server that drives a tower service can serve it:
//!
//! ```
//! use nomad_acl::AclDisabled;
//! use nomad_agent::{Agent, AgentConfig, Role, standalone};
//! use tower_service::Service as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let agent = Agent::builder(AgentConfig::new("client1", Role::Client)).start().await?;
//! let mut service = standalone(agent, AclDisabled);
//! let Ok(answer) = service.call(http::Request::get("/v1/client/stats").body(String::new())?).await;
//! assert_eq!(answer.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # What it runs
//!
//! [`Agent::run`] starts an allocation: a directory laid out as Nomad lays it out, and real processes in groups of
//! their own, whose output goes into rotated logs. Clients of the API see them through `/v1/client/fs/*` and
//! `/v1/client/allocation/:id/*`, down to a terminal inside a task. [`Allocations::stop_all`] ends all of them;
//! dropping the agent kills them. An agent with a data directory restores its allocations when it starts again.
//!
//! ```
//! use nomad_acl::AclDisabled;
//! use nomad_agent::{Agent, AgentConfig, AllocSpec, Phase, Role, TaskSpec, standalone};
//! use tower_service::Service as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().to_owned();
//! let config = AgentConfig { alloc_dir: Some(dir), ..AgentConfig::new("client1", Role::Client) };
//! let agent = Agent::builder(config).start().await?;
//! let alloc = agent.run(AllocSpec {
//!     id: "13651909-dd6d-35ce-5da0-5004769668b3".parse()?,
//!     namespace: "default".into(),
//!     job: "greeter".to_owned(),
//!     group: "greeter".to_owned(),
//!     tasks: vec![TaskSpec::new("web", "/bin/sh").args(["-c", "echo hello"])],
//! })?;
//! alloc.task("web").ok_or("no such task")?.wait_for(|state| state.phase == Phase::Dead).await;
//!
//! let path = format!("/v1/client/fs/logs/{}?task=web&type=stdout&plain=true", alloc.id());
//! let request = http::Request::get(path).body(String::new())?;
//! let Ok(answer) = standalone(agent, AclDisabled).call(request).await;
//! let body = http_body_util::BodyExt::collect(answer.into_body()).await?.to_bytes();
//! assert_eq!(body, "hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! # The life of a request
//!
//! ```text
//!  http::Request ─ IDENTIFY ─ FIND_SUBJECT ─ ADMIT ─ Agent ─ http::Response<Body>
//! ```
//!
//! [`Agent`] takes only requests that are [`Admitted`](nomad_acl::Admitted). On a standalone agent a
//! [`LocalRequest`] comes first: the agent looks up the subject itself and never takes it from the query. A gateway
//! that admits by its own directory passes its requests to the same [`Agent`].
//!
//! # Server membership
//!
//! Servers know each other through a [`Membership`]. [`Gossip`] works across any number of processes; a client
//! polls a server with [`RemoteMembership`], for which servers serve [`peer_service`] on their RPC address; a
//! [`Roster`] is shared by agents of one process without any socket. There is no election: the leader of a region
//! is the alive server with the smallest name, so agents that know the same servers name the same leader.
//!
//! Servers also sign the identities of clients, again through [`peer_service`]. A client without servers issues its
//! own.
//!
//! Each agent has a live log of its own (a [`LogHub`]), which `/v1/agent/monitor` shows; a [`LogSink`] collects the
//! lines of all agents, on one terminal for example.
//!
//! # Streams
//!
//! A stream is produced inside its [`Body`]: the reader of the body drives the producer, nothing is read ahead
//! beyond 32 chunks, and dropping the body drops files and subscriptions with it. As with Nomad, the head waits for
//! the first payload, and a later error is appended as text.
//!
//! # What it does not do
//!
//! It relays nothing: a request for another agent is refused, because finding agents is a gateway's work. Calls it
//! does not serve return 501 with the reason, and so do profiles that only Go's runtime could give. It keeps no
//! jobs and no replicated log; the evaluations of its scheduler workers are the server's own upkeep.

mod agent;
mod alloc;
mod atomic_file;
mod body;
mod config;
mod duration;
mod error;
mod exec;
mod files;
mod follow;
mod frame_writer;
mod handlers;
mod host;
mod ids;
mod keyed_hash;
mod log;
mod membership;
mod metadata;
mod node_identity;
mod process;
mod profile;
mod reload;
mod request_body;
mod response;
mod role;
mod schedulers;
mod standalone;
mod task;
mod websocket;

pub use self::{
    agent::{Agent, AgentBuilder},
    alloc::{
        AllocActionError, AllocDir, AllocSpec, AllocStartError, Allocation, Allocations,
        NotEligibleForGc, RestartScope,
    },
    body::Body,
    config::{AgentConfig, ExternalSettings, NOMAD_VERSION, VERSION_METADATA},
    error::{AgentError, WrongRole},
    host::{HostSource, SystemHost},
    ids::AgentStartError,
    log::{
        LOG_QUEUE_CAPACITY, LineStyle, LogEntry, LogHub, LogLine, LogReceiver, LogSink, LogValue,
    },
    membership::{
        BoxFuture, Gossip, GossipError, GossipKey, GossipOptions, JoinOutcome, KeyError,
        KeyringRequest, Member, MemberStatus, Membership, MembershipError, NoServerReachable,
        PEER_IDENTITY_PATH, PEER_MEMBERS_PATH, PeerService, RemoteMembership, Removal, Roster,
        ServerList, free_address, peer_service,
    },
    node_identity::IdentityRequest,
    reload::ReloadableConfig,
    request_body::RequestBody,
    role::Role,
    schedulers::{SchedulerConfig, SchedulerConfigError},
    standalone::{LocalRequest, Standalone, standalone},
    task::{
        Check, CheckMode, CheckType, LogLimits, Phase, RestartPolicy, Task, TaskActionError,
        TaskSpec, TaskState,
    },
};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
