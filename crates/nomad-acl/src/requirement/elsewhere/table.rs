//! The rows: more specific paths first.

use super::{About, Demand};
use crate::{
    capability::{Capability, NodePoolCapability, OperatorCapability, PathCapability},
    requirement::{Level, Requirement, Right},
};

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Read,
    /// `PUT` and `POST`, which Nomad takes for one another.
    Write,
    Delete,
}

/// One call.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) verb: Verb,
    pub(super) path: &'static str,
    pub(super) demand: Demand,
}

const fn row(
    verb: Verb,
    path: &'static str,
    about: About,
    all: &'static [&'static [Right]],
) -> Row {
    Row { verb, path, demand: Demand::Rights(Requirement::all(all), about) }
}

const fn server(verb: Verb, path: &'static str) -> Row {
    Row { verb, path, demand: Demand::ServerDecides }
}

/// Calls whose demand does not depend on the body or on the state of the servers.
pub(super) const ROWS: &[Row] = &[
    server(Verb::Write, "acl/token/onetime"),
    row(Verb::Read, "jobs", About::Request, &[&[Right::Namespace(Capability::ListJobs)]]),
    row(Verb::Read, "jobs/statuses", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Write, "jobs/statuses", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Write,
        "jobs/parse",
        About::Request,
        &[&[Right::Namespace(Capability::ParseJob), Right::Namespace(Capability::SubmitJob)]],
    ),
    row(Verb::Write, "validate/job", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Read, "allocations", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Read, "evaluations", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "evaluations/count",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(Verb::Read, "deployments", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Delete, "evaluations", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "nodes", About::Nothing, &[&[Right::Node(Level::Read)]]),
    row(Verb::Write, "namespace", About::Nothing, &[&[Right::Management]]),
    row(
        Verb::Read,
        "volumes/external",
        About::Request,
        &[&[
            Right::Namespace(Capability::CsiListVolume),
            Right::Namespace(Capability::CsiReadVolume),
            Right::Namespace(Capability::CsiMountVolume),
            Right::Namespace(Capability::ListJobs),
        ]],
    ),
    row(
        Verb::Read,
        "volumes/snapshot",
        About::Request,
        &[&[
            Right::Namespace(Capability::CsiListVolume),
            Right::Namespace(Capability::CsiReadVolume),
            Right::Namespace(Capability::CsiMountVolume),
            Right::Namespace(Capability::ListJobs),
        ]],
    ),
    row(
        Verb::Write,
        "volume/host/create",
        About::Object,
        &[&[Right::Namespace(Capability::HostVolumeCreate)]],
    ),
    row(
        Verb::Write,
        "volume/host/register",
        About::Object,
        &[&[Right::Namespace(Capability::HostVolumeRegister)]],
    ),
    row(
        Verb::Read,
        "volumes/claims",
        About::Request,
        &[&[Right::Namespace(Capability::HostVolumeRead)]],
    ),
    row(Verb::Read, "plugins", About::Nothing, &[&[Right::PluginList]]),
    row(Verb::Write, "system/gc", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "system/reconcile/summaries", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "operator/raft/peer", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "operator/raft/configuration", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "operator/raft/transfer-leadership", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "operator/snapshot", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "acl/tokens", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/token", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/role", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/auth-method", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/binding-rule", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "acl/binding-rules", About::Nothing, &[&[Right::Management]]),
    row(
        Verb::Read,
        "operator/snapshot",
        About::Nothing,
        &[&[Right::OperatorCapability(OperatorCapability::SnapshotSave)]],
    ),
    row(
        Verb::Read,
        "operator/autopilot/configuration",
        About::Nothing,
        &[&[Right::Operator(Level::Read)]],
    ),
    row(
        Verb::Read,
        "operator/autopilot/health",
        About::Nothing,
        &[&[Right::Operator(Level::Read)]],
    ),
    row(
        Verb::Read,
        "operator/scheduler/configuration",
        About::Nothing,
        &[&[Right::Operator(Level::Read)]],
    ),
    row(
        Verb::Write,
        "operator/autopilot/configuration",
        About::Nothing,
        &[&[Right::Operator(Level::Write)]],
    ),
    row(
        Verb::Write,
        "operator/scheduler/configuration",
        About::Nothing,
        &[&[Right::Operator(Level::Write)]],
    ),
    row(
        Verb::Read,
        "operator/keyring/keys",
        About::Nothing,
        &[&[Right::OperatorCapability(OperatorCapability::KeyringRead)]],
    ),
    row(
        Verb::Write,
        "operator/keyring/rotate",
        About::Nothing,
        &[&[Right::OperatorCapability(OperatorCapability::KeyringRotate)]],
    ),
    row(
        Verb::Write,
        "acl/identity/client-introduction-token",
        About::Nothing,
        &[&[Right::Node(Level::Write)]],
    ),
    row(Verb::Read, "regions", About::Nothing, &[]),
    row(Verb::Read, "metrics", About::Nothing, &[]),
    row(Verb::Read, "acl/auth-methods", About::Nothing, &[]),
    row(Verb::Write, "acl/login", About::Nothing, &[]),
    row(Verb::Write, "acl/bootstrap", About::Nothing, &[]),
    row(Verb::Write, "acl/token/onetime/exchange", About::Nothing, &[]),
    row(Verb::Read, "job/:", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Read, "job/:/versions", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "job/:/allocations",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(
        Verb::Read,
        "job/:/evaluations",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(
        Verb::Read,
        "job/:/deployments",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(
        Verb::Read,
        "job/:/deployment",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(Verb::Read, "job/:/summary", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "job/:/submission",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(Verb::Read, "job/:/services", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(Verb::Read, "job/:/actions", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "job/:/scale",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob), Right::Namespace(Capability::ReadJobScaling)]],
    ),
    row(
        Verb::Write,
        "job/:/scale",
        About::Request,
        &[&[Right::Namespace(Capability::ScaleJob), Right::Namespace(Capability::SubmitJob)]],
    ),
    row(
        Verb::Write,
        "job/:/evaluate",
        About::Request,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::EvaluateJob)]],
    ),
    row(
        Verb::Write,
        "job/:/revert",
        About::Request,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::RevertJob)]],
    ),
    row(
        Verb::Write,
        "job/:/stable",
        About::Request,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::StableJob)]],
    ),
    row(
        Verb::Write,
        "job/:/dispatch",
        About::Request,
        &[&[Right::Namespace(Capability::DispatchJob)]],
    ),
    row(
        Verb::Write,
        "job/:/periodic/force",
        About::Request,
        &[&[
            Right::Namespace(Capability::DispatchJob),
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::ForcePeriodicJob),
        ]],
    ),
    row(Verb::Read, "allocation/:", About::Object, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Write,
        "allocation/:/stop",
        About::Object,
        &[&[Right::Namespace(Capability::AllocLifecycle)]],
    ),
    row(Verb::Read, "evaluation/:", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "evaluation/:/allocations",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(Verb::Read, "deployment/:", About::Request, &[&[Right::Namespace(Capability::ReadJob)]]),
    row(
        Verb::Read,
        "deployment/allocations/:",
        About::Request,
        &[&[Right::Namespace(Capability::ReadJob)]],
    ),
    row(
        Verb::Write,
        "deployment/fail/:",
        About::Object,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::FailDeployment)]],
    ),
    row(
        Verb::Write,
        "deployment/pause/:",
        About::Object,
        &[&[
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::PauseDeployment),
        ]],
    ),
    row(
        Verb::Write,
        "deployment/promote/:",
        About::Object,
        &[&[
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::PromoteDeployment),
        ]],
    ),
    row(
        Verb::Write,
        "deployment/unblock/:",
        About::Object,
        &[&[
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::UnblockDeployment),
        ]],
    ),
    row(
        Verb::Write,
        "deployment/allocation-health/:",
        About::Object,
        &[&[
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::SetAllocHealthDeployment),
        ]],
    ),
    row(Verb::Read, "node/:", About::Nothing, &[&[Right::Node(Level::Read)]]),
    row(Verb::Read, "node/:/allocations", About::Nothing, &[&[Right::Node(Level::Read)]]),
    row(Verb::Write, "node/:/drain", About::Nothing, &[&[Right::Node(Level::Write)]]),
    row(Verb::Write, "node/:/eligibility", About::Nothing, &[&[Right::Node(Level::Write)]]),
    row(Verb::Write, "node/:/evaluate", About::Nothing, &[&[Right::Node(Level::Write)]]),
    row(Verb::Write, "node/:/purge", About::Nothing, &[&[Right::Node(Level::Write)]]),
    row(Verb::Read, "node/pool/:", About::Path, &[&[Right::NodePool(NodePoolCapability::Read)]]),
    row(Verb::Write, "node/pool/:", About::Path, &[&[Right::NodePool(NodePoolCapability::Write)]]),
    row(
        Verb::Delete,
        "node/pool/:",
        About::Path,
        &[&[Right::NodePool(NodePoolCapability::Delete)]],
    ),
    row(
        Verb::Read,
        "node/pool/:/jobs",
        About::Path,
        &[&[Right::NodePool(NodePoolCapability::Read)]],
    ),
    row(
        Verb::Read,
        "node/pool/:/nodes",
        About::Path,
        &[&[Right::NodePool(NodePoolCapability::Read)], &[Right::Node(Level::Read)]],
    ),
    row(Verb::Read, "namespace/:", About::Path, &[&[Right::NamespaceAny]]),
    row(Verb::Write, "namespace/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "namespace/:", About::Nothing, &[&[Right::Management]]),
    row(
        Verb::Read,
        "volume/csi/:",
        About::Request,
        &[&[
            Right::Namespace(Capability::CsiReadVolume),
            Right::Namespace(Capability::CsiMountVolume),
            Right::Namespace(Capability::ReadJob),
        ]],
    ),
    row(
        Verb::Read,
        "volume/host/:",
        About::Request,
        &[&[Right::Namespace(Capability::HostVolumeRead)]],
    ),
    row(
        Verb::Delete,
        "volume/host/:/delete",
        About::Request,
        &[&[Right::Namespace(Capability::HostVolumeDelete)]],
    ),
    row(
        Verb::Delete,
        "volumes/claim/:",
        About::Request,
        &[&[Right::Namespace(Capability::HostVolumeDelete)]],
    ),
    row(
        Verb::Write,
        "volume/csi/:/register",
        About::Object,
        &[&[Right::PluginRead], &[Right::Namespace(Capability::CsiWriteVolume)]],
    ),
    row(
        Verb::Write,
        "volume/csi/:/create",
        About::Object,
        &[&[Right::PluginRead], &[Right::Namespace(Capability::CsiWriteVolume)]],
    ),
    row(
        Verb::Delete,
        "volume/csi/:",
        About::Request,
        &[&[Right::Namespace(Capability::CsiWriteVolume)]],
    ),
    row(
        Verb::Delete,
        "volume/csi/:/delete",
        About::Request,
        &[&[Right::PluginRead], &[Right::Namespace(Capability::CsiWriteVolume)]],
    ),
    row(
        Verb::Delete,
        "volume/csi/:/detach",
        About::Request,
        &[&[Right::PluginRead], &[Right::Namespace(Capability::CsiMountVolume)]],
    ),
    row(Verb::Read, "plugin/csi/:", About::Nothing, &[&[Right::PluginRead]]),
    row(Verb::Write, "acl/policy/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "acl/policy/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/token/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "acl/token/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/role/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "acl/role/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "acl/auth-method/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/auth-method/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "acl/auth-method/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Read, "acl/binding-rule/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Write, "acl/binding-rule/:", About::Nothing, &[&[Right::Management]]),
    row(Verb::Delete, "acl/binding-rule/:", About::Nothing, &[&[Right::Management]]),
    row(
        Verb::Delete,
        "operator/keyring/key/:",
        About::Nothing,
        &[&[Right::OperatorCapability(OperatorCapability::KeyringDelete)]],
    ),
    row(
        Verb::Write,
        "job/:/versions/:/tag",
        About::Request,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::TagJobVersion)]],
    ),
    row(
        Verb::Delete,
        "job/:/versions/:/tag",
        About::Request,
        &[&[Right::Namespace(Capability::SubmitJob), Right::Namespace(Capability::TagJobVersion)]],
    ),
    row(
        Verb::Delete,
        "service/:/:",
        About::Request,
        &[&[
            Right::Namespace(Capability::SubmitJob),
            Right::Namespace(Capability::DeleteServiceRegistration),
        ]],
    ),
    row(Verb::Write, "var/*", About::Path, &[&[Right::Variable(PathCapability::Write)]]),
    row(Verb::Delete, "var/*", About::Path, &[&[Right::Variable(PathCapability::Destroy)]]),
    row(Verb::Read, "var/*", About::Path, &[&[Right::Variable(PathCapability::Read)]]),
    row(Verb::Read, "status/*", About::Nothing, &[]),
    row(Verb::Write, "acl/oidc/*", About::Nothing, &[]),
];
