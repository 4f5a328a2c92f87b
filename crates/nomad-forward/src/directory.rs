//! Where agents and allocations are: the question every targeted call asks.

mod error;
mod table;

use std::sync::Arc;

use nomad_acl::Subject;
use nomad_wire::Region;

pub use self::{
    error::LocateError,
    table::{Table, TableBuilder},
};
use crate::{Agent, Target};

/// What a directory knows about a target.
#[derive(Debug, Clone)]
pub struct Place {
    /// The agent that is meant.
    pub agent: Arc<Agent>,
    /// Whose object the call is about: for an allocation its own namespace.
    pub subject: Subject,
    /// Agents that can answer as well when this one cannot be reached; empty when one agent is named.
    pub others: Vec<Arc<Agent>>,
}

/// Whoever knows the fleet.
pub trait Directory {
    /// The look-up; ready at once when the answer is known.
    type Locate: Future<Output = Result<Place, LocateError>> + Send + 'static;

    /// Which agent is meant? `region` is the one that the caller asks for; `None` means the directory's own.
    fn locate(&self, target: &Target, region: Option<&Region>) -> Self::Locate;

    /// A connection to this agent could not be made, or could be made again.
    fn observe(&self, agent: &Arc<Agent>, reachable: Reachable);
}

/// What the last attempt to connect to an agent came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an attempt succeeds or fails")]
pub enum Reachable {
    /// It answered.
    Yes,
    /// It did not.
    No,
}
