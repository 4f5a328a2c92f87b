//! The JSON answers of `/v1/client/*`.
//!
//! | call | body |
//! |---|---|
//! | `stats` | [`HostStats`] |
//! | `gc`, `allocation/:id/gc` | empty, without a content type |
//! | `allocation/:id/stats` | [`AllocStats`] |
//! | `allocation/:id/checks` | [`AllocChecks`] |
//! | `allocation/:id/restart`, `signal` | [`Acknowledgement`] |
//! | `GET allocation/:id/pause` | [`PauseState`] |
//! | `allocation/:id/snapshot` | a tar archive, no JSON |
//! | `fs/ls/:id` | a list of [`FileInfo`] |
//! | `fs/stat/:id` | [`FileInfo`] |
//! | `fs/stream/:id`, `fs/logs/:id` | a run of [`StreamFrame`]s |
//! | `fs/cat/:id`, `fs/readat/:id` | bytes, no JSON |
//! | `metadata` | [`NodeMetadata`] |
//! | `identity` | [`NodeIdentity`] |
//! | `identity/renew` | [`Renewal`] |
//!
//! What callers send is read as Go reads it: [`RestartRequest`], [`SignalRequest`], [`PauseRequest`],
//! [`MetadataUpdate`] and [`RenewalRequest`].
//!
//! Every body prints Nomad 2.0's form and reads the forms of 1.0 to 2.0. A key that not all of
//! those versions send is an `Option`: `None` where it was not sent, and then it is not printed
//! either. `Default` is the zero value of 2.0, with such keys present. What a newer version adds
//! is kept in `other`.
//!
//! Two orders of keys are in use, and each type says which is its own: sorted by byte, or the
//! order Nomad declares its fields in, with unknown keys last. Nomad built without its generated
//! codecs sorts everything, so readers must not rely on either.

mod acknowledgement;
mod alloc_stats;
mod checks;
mod device;
mod file_info;
mod handshake;
mod host_stats;
mod identity;
mod metadata;
mod node_id;
mod pause;
mod restart;
mod signal;
mod stream_frame;

pub use self::{
    acknowledgement::Acknowledgement,
    alloc_stats::{AllocStats, CpuStats, MemoryStats, ResourceUsage, TaskStats},
    checks::{AllocChecks, CheckResult},
    device::{DeviceGroupStats, DeviceInstanceStats, StatObject, StatValue},
    file_info::FileInfo,
    handshake::{HandshakeMessage, HandshakeMessageError},
    host_stats::{HostCpuStats, HostDiskStats, HostMemoryStats, HostStats},
    identity::{NodeIdentity, Renewal, RenewalRequest},
    metadata::{MetadataError, MetadataUpdate, NodeMetadata},
    pause::{PauseError, PauseRequest, PauseState},
    restart::RestartRequest,
    signal::SignalRequest,
    stream_frame::StreamFrame,
};
pub use crate::client::node_id::parse_node_id;
