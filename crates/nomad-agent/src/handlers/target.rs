//! Whether a request is for this agent or for one that only a relay would reach.

use http::StatusCode;
use nomad_wire::{Call, NodeId, Region};

use crate::{agent::Agent, error::AgentError};

/// The error style of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorStyle {
    /// `host`: 500 for an unknown server, 404 for a node.
    Host,
    /// `monitor`: 400 for an unknown server; for a node a 500 whose text contains the intended status, which Nomad
    /// forgets to take out.
    Monitor,
    /// `client/stats`: 404 for a node, its id without quotes.
    Stats,
    /// The other calls to a node: 500, its id without quotes.
    Node,
}

/// Returns this agent's identity if `server_id` names it.
///
/// `leader` is the leader of this region; any other value is looked up among the alive servers of the query's
/// region, by full name or by id.
///
/// # Errors
/// Nomad's texts when there is no such server, [`AgentError::NotRelayed`] when it is another one.
pub(super) fn check_server(
    agent: &Agent,
    server_id: &str,
    call: &Call,
    wording: ErrorStyle,
) -> Result<String, AgentError> {
    let own_region = agent.config().region.as_str();
    let found = if server_id == "leader" {
        let leader = agent.membership().leader(own_region);
        leader.ok_or_else(|| unknown_server("No cluster leader".into(), wording))?
    } else {
        call.common.clone()?;
        let region = call.region.as_ref().map_or(own_region, Region::as_str);
        let mut alive = agent.membership().members();
        alive.retain(|member| member.region == region && member.is_alive());
        if alive.is_empty() {
            return Err(unknown_server("No path to region".into(), wording));
        }
        let is_meant = |name: String, id: &str| name == server_id || id == server_id;
        alive
            .into_iter()
            .find(|member| is_meant(member.serf_name(), member.id.as_str()))
            .ok_or_else(|| {
                let prefix = if agent.role().is_server() { "" } else { "rpc error: " };
                unknown_server(format!("{prefix}unknown Nomad server {server_id}"), wording)
            })?
    };
    if agent.server_id() == Some(found.id) {
        Ok(found.serf_name())
    } else {
        Err(AgentError::NotRelayed)
    }
}

/// Refuses a region other than this agent's: a Nomad server forwards to any server of that region, whatever else
/// the request names, before it looks up anything itself.
///
/// # Errors
/// Nomad's text when the region has no known server, [`AgentError::NotRelayed`] when it has one.
pub(super) fn region(agent: &Agent, call: &Call) -> Result<(), AgentError> {
    call.common.clone()?;
    let region = call.region.as_ref().map(Region::as_str);
    let Some(region) = region.filter(|region| *region != agent.config().region) else {
        return Ok(());
    };
    let members = agent.membership().members();
    if members.iter().any(|member| member.region == region && member.is_alive()) {
        return Err(AgentError::NotRelayed);
    }
    let prefix = if agent.role().is_server() { "" } else { "rpc error: " };
    Err(AgentError::internal(format!("{prefix}No path to region")))
}

/// The error for a node that is not this agent: servers here keep no table of nodes, so every other node is
/// unknown.
pub(super) fn unknown_node(node_id: &str, wording: ErrorStyle) -> AgentError {
    let (status, text) = match node_id.parse::<NodeId>() {
        Err(reason) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("node lookup failed: index error: {reason}"),
        ),
        Ok(_) if wording == ErrorStyle::Stats => {
            (StatusCode::NOT_FOUND, format!("Unknown node {node_id}"))
        }
        Ok(_) if wording == ErrorStyle::Node => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("Unknown node {node_id}"))
        }
        Ok(_) => (StatusCode::NOT_FOUND, format!("Unknown node {}", nomad_wire::quote(node_id))),
    };
    if wording == ErrorStyle::Monitor {
        AgentError::internal(format!("RPC Error:: {},{text}", status.as_u16()))
    } else {
        AgentError::with_status(status, text)
    }
}

fn unknown_server(text: String, wording: ErrorStyle) -> AgentError {
    match wording {
        ErrorStyle::Monitor => AgentError::with_status(StatusCode::BAD_REQUEST, text),
        ErrorStyle::Host | ErrorStyle::Stats | ErrorStyle::Node => AgentError::internal(text),
    }
}
