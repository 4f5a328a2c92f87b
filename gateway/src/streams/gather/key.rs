//! What makes two monitors the same.

use std::sync::Arc;

use http::Method;
use http_body::Body;
use nomad_acl::{Ask as _, Decision, Known, RegionScope, Requirement};
use nomad_forward::{
    Agent,
    address::Addressed,
    directory::{Meant, Way},
};
use nomad_wire::{Query, call::Params, query::LogLevel};

use crate::streams::form::Form;

/// What agents read of a monitor's query. With anything else in it a caller may mean something that is not known here.
const UNDERSTOOD: [&str; 9] = [
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
pub(super) struct Key {
    /// The agent whose log is shown.
    pub(super) agent: Arc<Agent>,
    /// The region that answers, in which the rights were looked up.
    region: RegionScope,
    /// Another server may answer where none is named, so that such a monitor is not the one of the named server.
    is_named: bool,
    level: LogLevel,
    is_json: bool,
    has_location: bool,
    pub(super) form: Form,
}

impl Key {
    /// Nothing for a monitor that cannot be shared.
    pub(super) fn of<B: Body>(asked: &Addressed<B>) -> Option<Self> {
        let Known { call, acl, request } = asked.known();
        let Ok(Params::Monitor(wanted)) = &call.params else { return None };
        if request.method() != Method::GET || !request.body().is_end_stream() {
            return None;
        }
        let query = Query::of(request.uri());
        if query.pairs().any(|(key, _)| !UNDERSTOOD.contains(&&*key)) {
            return None;
        }
        let place = asked.place()?;
        // Whoever reaches this place may; here it counts that it was decided here, with the rights of that region.
        let acl = acl.within(&place.region).ok()?;
        match acl.allows(&Requirement::of(&call.route), asked.subject()) {
            Decision::Allow(_) => {}
            Decision::Defer { .. } | Decision::Deny(_) => return None,
        }
        let agent = match &place.way {
            Way::Itself => &place.agent,
            Way::Relay(Meant::Agent(meant)) => meant,
            Way::Relay(Meant::Server(_) | Meant::Node(_) | Meant::Unknown) => return None,
        };
        Some(Self {
            agent: Arc::clone(agent),
            region: place.region.clone(),
            is_named: asked.target().names_one(),
            level: wanted.log_level,
            is_json: wanted.log_json,
            has_location: wanted.log_include_location,
            form: Form::plain(wanted.plain),
        })
    }
}
