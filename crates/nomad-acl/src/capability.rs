//! The words of the policy language: what a rule can grant, and what its short words stand for.
//!
//! Every block has an alphabet of its own. A [`Set`] is a bit mask over one alphabet, so a
//! decision is one `and`; `deny` is a word like the others, and [`Set::join`] makes it sticky.

mod agent_wide;
mod level;
mod named;
mod namespace;
mod set;

pub use self::{
    agent_wide::{OperatorCapability, SentinelCapability},
    level::Level,
    named::{HostVolumeCapability, NodePoolCapability, PathCapability},
    namespace::Capability,
    set::{Set, Word, Words},
};
