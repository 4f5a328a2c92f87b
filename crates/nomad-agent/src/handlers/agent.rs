//! `/v1/agent/*`

mod export;
mod force_leave;
mod health;
mod host;
mod join;
mod keyring;
mod members;
mod monitor;
pub(crate) mod pprof;
mod reload;
pub(crate) mod schedulers;
mod self_info;
mod servers;

pub(crate) use self::{
    export::{check as check_export, export},
    force_leave::force_leave,
    health::health,
    host::host,
    join::join,
    keyring::keyring,
    members::members,
    monitor::monitor,
    reload::{reload, reload_config},
    self_info::self_info,
    servers::{servers, set_servers},
};
