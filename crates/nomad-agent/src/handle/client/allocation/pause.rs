//! `pause`: only Nomad Enterprise has it. This agent answers as the community edition does, after its checks.

use http::{Response, StatusCode};
use nomad_wire::client::PauseRequest;

use crate::{
    agent::Asked,
    alloc::Allocation,
    body::Body,
    error::AgentError,
    received::{RequestBody, received},
};

/// What the community edition says to whoever wants to know or to change the schedule state.
pub(super) fn enterprise_only() -> AgentError {
    AgentError::failed("Enterprise only")
}

/// Refuses a state that there is not, and then all others.
pub(super) async fn set<B: RequestBody>(
    _: &Allocation,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    PauseRequest::parse(&received(asked.body).await?)
        .map_err(|error| AgentError::said(StatusCode::BAD_REQUEST, error.to_string()))?;
    Err(enterprise_only())
}
