//! One handler per route. A handler takes the agent and the query, and knows no header.

pub(crate) mod agent;
pub(crate) mod client;
mod target;
mod unknown_path;

pub(crate) use self::unknown_path::unknown_path;
