//! The JSON answers of `/v1/agent/*`.
//!
//! | call | body |
//! |---|---|
//! | `GET members` | [`Members`] |
//! | `GET servers` | [`Servers`]; `PUT` answers with an empty body |
//! | `GET self` | [`AgentSelf`] |
//! | `PUT join` | [`Join`] |
//! | `PUT force-leave`, `PUT reload` | empty, without a content type |
//! | `GET health` | [`Health`], in two spellings: see [`Health::to_body`] |
//! | `GET host` | [`HostData`] without a target, [`AgentHost`] with one |
//! | `GET monitor`, `GET monitor/export` | a run of [`StreamFrame`](crate::client::StreamFrame)s |
//! | `GET schedulers` | [`Schedulers`] |
//! | `GET`, `PUT schedulers/config` | [`SchedulersConfig`] |
//! | `keyring/*` | [`Keyring`] |
//! | `GET pprof/*` | bytes, no JSON |
//!
//! Every body prints Nomad 2.0's form and reads the forms of 1.0 to 2.0. A key that not all of
//! those versions send is an `Option`: `None` where it was not sent, and then it is not printed
//! either. `Default` is the zero value of 2.0, with such keys present. What a newer version adds
//! is kept in `other`. All object keys are sorted by byte.

mod config;
mod health;
mod host;
mod join;
mod keyring;
mod members;
mod redact;
mod schedulers;
mod self_info;
mod servers;

pub use self::{
    config::AgentConfig,
    health::{Health, HealthStatus},
    host::{AgentHost, Environment, HostData, HostDisk},
    join::Join,
    keyring::Keyring,
    members::{Member, Members},
    redact::REDACTED,
    schedulers::{SchedulerWorker, Schedulers, SchedulersConfig},
    self_info::AgentSelf,
    servers::Servers,
};
