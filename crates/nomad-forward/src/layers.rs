//! The layers between a client request and its upstream agent, and the types that they hand on.

pub mod attribution;
pub mod coalesce;
pub mod early_response;
pub mod forward;
pub(crate) mod future;
pub mod harden;
pub mod locate;
pub mod loop_detection;
pub(crate) mod outages;
pub(crate) mod relay;
pub mod rescue;
pub mod select;
pub mod status_fix;
pub mod upgrade;
pub mod upstream_body;
