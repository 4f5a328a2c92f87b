//! One handler a call. A handler takes the agent and the query, and knows no header.

pub(crate) mod agent;
pub(crate) mod client;
mod pass;
mod target;

pub(crate) use self::pass::pass;
