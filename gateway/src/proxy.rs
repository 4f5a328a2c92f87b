//! The layers between a listener and the stack of `nomad-forward`.

pub mod admin;
pub mod client_address;
pub mod cors;
pub(crate) mod gateway;
pub(crate) mod invalid_head;
pub mod json_errors;
pub mod pending_limit;
pub mod request_id;
pub(crate) mod response_future;
pub mod rewrite;
pub mod streams;
