//! `GET /v1/agent/members`

use http::Response;
use nomad_wire::{Call, Query, agent::Members};

use crate::{agent::Agent, body::Body, error::AgentError, membership::Member, response};

/// Every server, as this one sees them; a client shows the view of a server. `region` has no effect, as with Nomad.
pub(crate) fn members(
    agent: &Agent,
    call: &Call,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    call.common.clone()?;
    let members = agent.membership().members();
    let config = agent.config();
    let answer = Members {
        members: members.iter().map(Member::to_wire).collect(),
        ..if agent.role().is_server() {
            Members {
                server_name: config.name.clone(),
                server_region: config.region.clone(),
                server_dc: config.datacenter.clone(),
                ..Members::default()
            }
        } else {
            view_of_first_alive(&members).ok_or_else(|| AgentError::internal("no servers"))?
        }
    };
    response::json(&answer, query)
}

/// The head of the list: the first alive server is the one whose view it is.
fn view_of_first_alive(members: &[Member]) -> Option<Members> {
    let server = members.iter().find(|member| member.is_alive())?;
    Some(Members {
        server_name: server.name.clone(),
        server_region: server.region.clone(),
        server_dc: server.datacenter.clone(),
        ..Members::default()
    })
}
