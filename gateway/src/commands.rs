//! The commands of the program `nomad-gateway`.

pub mod acl;
pub mod agent;
pub mod cli;
pub mod dev;
pub mod fleet;
pub mod serve;
