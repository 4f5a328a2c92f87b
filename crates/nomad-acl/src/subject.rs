//! What a question is about.

use nomad_wire::Namespace;

/// The object that a call is about, as looked up in a directory or on the node; never as the caller names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Subject {
    /// An agent: no further object.
    #[default]
    Agent,
    /// An allocation in this namespace.
    Namespace(Namespace),
}
