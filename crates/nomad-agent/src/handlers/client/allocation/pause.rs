//! `pause`: a feature of Nomad Enterprise. This agent responds as the community edition does, after its checks.

use http::{Response, StatusCode};
use nomad_wire::client::PauseRequest;

use crate::{
    agent::HandlerRequest,
    alloc::Allocation,
    body::Body,
    error::AgentError,
    request_body::{RequestBody, read_body},
};

/// The response of the community edition to reading or changing the schedule state.
pub(super) fn enterprise_only() -> AgentError {
    AgentError::internal("Enterprise only")
}

/// Refuses an unknown state, and then all others.
pub(super) async fn set<B: RequestBody>(
    _: &Allocation,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    PauseRequest::parse(&read_body(request.body).await?)
        .map_err(|error| AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string()))?;
    Err(enterprise_only())
}
