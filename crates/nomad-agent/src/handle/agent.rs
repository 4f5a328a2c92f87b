//! `/v1/agent/*`

mod export;
mod health;
mod host;
mod members;
mod monitor;
pub(crate) mod pprof;
mod reload;
pub(crate) mod schedulers;
mod self_info;
mod servers;

pub(crate) use self::{
    export::{check as check_export, export},
    health::health,
    host::host,
    members::members,
    monitor::monitor,
    reload::reload,
    self_info::self_info,
    servers::servers,
};
