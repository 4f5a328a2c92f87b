//! `/v1/agent/*`

mod force_leave;
mod health;
mod host;
mod join;
mod keyring;
mod members;
mod monitor;
mod self_info;
mod servers;

pub(crate) use self::{
    force_leave::force_leave,
    health::health,
    host::host,
    join::join,
    keyring::keyring,
    members::members,
    monitor::monitor,
    self_info::self_info,
    servers::{servers, set_servers},
};
