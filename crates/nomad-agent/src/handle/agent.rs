//! `/v1/agent/*`

mod health;
mod host;
mod members;
mod monitor;
mod self_info;
mod servers;

pub(crate) use self::{
    health::health, host::host, members::members, monitor::monitor, self_info::self_info,
    servers::servers,
};
