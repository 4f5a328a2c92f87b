//! The words of the policy language: what a rule can grant, and what its short words stand for.
//!
//! Every block has an alphabet of its own. A [`CapabilitySet`] is a bit mask over one alphabet, so a
//! decision is one `and`; `deny` is a word like the others, and [`CapabilitySet::merge`] makes it sticky.

mod labelled;
mod namespace;
mod policy_level;
mod set;
mod unlabelled;

pub use self::{
    namespace::NamespaceCapability,
    set::{BlockCapability, CapabilityIter, CapabilitySet},
};
pub use crate::capability::{
    labelled::{HostVolumeCapability, NodePoolCapability, PathCapability},
    policy_level::PolicyLevel,
    unlabelled::{OperatorCapability, SentinelCapability},
};
