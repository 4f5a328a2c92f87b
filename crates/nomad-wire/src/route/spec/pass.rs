//! What is no call of agents: servers serve it.

use super::{AgentRole, Family, Requires, RouteClass, RouteSpec, Sends, Takes, TargetSpec};

pub(super) const ROWS: &[RouteSpec] = &[RouteSpec {
    name: "pass",
    takes: Takes::Any,
    sends: Sends::Get,
    path: "*",
    family: Family::Pass,
    class: RouteClass::Pass,
    why: "what the server does is decided by path and query",
    target: TargetSpec::SERVERS,
    role: AgentRole::Any,
    requires: Requires::ServerDecides,
    guard: None,
    needs_recent_token: false,
    needs_debug: false,
    body_fault: "",
}];
