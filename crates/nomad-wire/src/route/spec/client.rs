//! Calls below `/v1/client/` about a node.

use super::{
    AgentRole, BodyTarget, Family, MissingTarget, Requires, RouteClass, RouteSpec, Scope, Sends,
    Takes, TargetSpec,
    why::{AT_HAND, TWICE},
};

pub(super) const ROWS: &[RouteSpec] = &[
    RouteSpec {
        name: "client.stats",
        takes: Takes::Any,
        sends: Sends::Get,
        path: "/v1/client/stats",
        family: Family::Client,
        class: RouteClass::Read,
        why: AT_HAND,
        target: TargetSpec { missing: MissingTarget::LOOKED_UP_WELL, ..TargetSpec::NODE },
        role: AgentRole::Any,
        requires: Requires::NodeRead,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
    RouteSpec {
        name: "client.gc",
        takes: Takes::Any,
        sends: Sends::Get,
        path: "/v1/client/gc",
        family: Family::Client,
        class: RouteClass::Change,
        why: "waits until tasks are killed and files deleted, one allocation after the other",
        target: TargetSpec {
            missing: MissingTarget {
                no_local_node: Some("No local Node and node_id not provided"),
                ..TargetSpec::NODE.missing
            },
            scope: Scope::SoleServer,
            ..TargetSpec::NODE
        },
        role: AgentRole::Any,
        requires: Requires::NodeWrite,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
    RouteSpec {
        name: "client.metadata",
        takes: Takes::Get,
        sends: Sends::Get,
        path: "/v1/client/metadata",
        family: Family::Client,
        class: RouteClass::Read,
        why: AT_HAND,
        target: TargetSpec::NODE,
        role: AgentRole::Any,
        requires: Requires::NodeRead,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
    RouteSpec {
        name: "client.metadata.set",
        takes: Takes::Post,
        sends: Sends::Post,
        path: "/v1/client/metadata",
        family: Family::Client,
        class: RouteClass::Change,
        why: TWICE,
        target: TargetSpec {
            body: BodyTarget::AfterQuery,
            missing: MissingTarget {
                no_local_node: Some("No local Node and node_id not provided"),
                ..TargetSpec::NODE.missing
            },
            scope: Scope::SoleServer,
            ..TargetSpec::NODE
        },
        role: AgentRole::Any,
        requires: Requires::NodeWrite,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
    RouteSpec {
        name: "client.identity",
        takes: Takes::Get,
        sends: Sends::Get,
        path: "/v1/client/identity",
        family: Family::Client,
        class: RouteClass::Read,
        why: AT_HAND,
        target: TargetSpec::NODE,
        role: AgentRole::Any,
        requires: Requires::NodeRead,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
    RouteSpec {
        name: "client.identity.renew",
        takes: Takes::Write,
        sends: Sends::Put,
        path: "/v1/client/identity/renew",
        family: Family::Client,
        class: RouteClass::Change,
        why: TWICE,
        target: TargetSpec {
            body: BodyTarget::BeforeQuery,
            missing: MissingTarget {
                no_local_node: Some("no local Node and node_id not provided"),
                ..TargetSpec::NODE.missing
            },
            scope: Scope::SoleServer,
            ..TargetSpec::NODE
        },
        role: AgentRole::Any,
        requires: Requires::NodeWrite,
        guard: None,
        needs_recent_token: false,
        needs_debug: false,
        body_fault: "",
    },
];
