//! Which monitors are identical.

use std::sync::Arc;

use http::Method;
use http_body::Body;
use nomad_acl::{AccessRequest as _, Decision, Identified, RegionScope, Requirement};
use nomad_forward::{
    Agent,
    directory::{RelayTarget, Via},
    locate::Located,
};
use nomad_wire::{Query, call::Params, query::LogLevel};

use crate::proxy::streams::framing::Framing;

/// What agents read of a monitor's query. With anything else in it a caller may mean something that is not known here.
const KNOWN_PARAMS: [&str; 9] = [
    "client_id",
    "log_include_location",
    "log_json",
    "log_level",
    "namespace",
    "node_id",
    "plain",
    "region",
    "server_id",
];

/// Monitors with equal keys show the same lines in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct MonitorKey {
    /// The agent whose log is shown.
    pub(super) agent: Arc<Agent>,
    /// The region that answers, in which the rights were looked up.
    region: RegionScope,
    /// Another server may answer where none is named, so that such a monitor is not the one of the named server.
    is_explicit: bool,
    level: LogLevel,
    is_json: bool,
    has_location: bool,
    pub(super) framing: Framing,
}

impl MonitorKey {
    /// Nothing for a monitor that cannot be shared.
    pub(super) fn from_request<B: Body>(asked: &Located<B>) -> Option<Self> {
        let Identified { call, acl, request } = asked.identified();
        let Ok(Params::Monitor(wanted)) = &call.params else { return None };
        if request.method() != Method::GET || !request.body().is_end_stream() {
            return None;
        }
        let query = Query::from_uri(request.uri());
        if query.pairs().any(|(key, _)| !KNOWN_PARAMS.contains(&&*key)) {
            return None;
        }
        let place = asked.location()?;
        // Whoever reaches this place may; here it counts that it was decided here, with the rights of that region.
        let acl = acl.for_region(&place.region).ok()?;
        match acl.allows(&Requirement::for_route(&call.route), asked.subject()) {
            Decision::Allow(_) => {}
            Decision::Defer { .. } | Decision::Deny(_) => return None,
        }
        let agent = match &place.via {
            Via::Direct => &place.agent,
            Via::Relay(RelayTarget::Agent(meant)) => meant,
            Via::Relay(RelayTarget::Server(_) | RelayTarget::Node(_) | RelayTarget::Unknown) => {
                return None;
            }
        };
        Some(Self {
            agent: Arc::clone(agent),
            region: place.region.clone(),
            is_explicit: asked.target().is_explicit(),
            level: wanted.log_level,
            is_json: wanted.log_json,
            has_location: wanted.log_include_location,
            framing: Framing::from_plain_param(wanted.plain),
        })
    }
}
