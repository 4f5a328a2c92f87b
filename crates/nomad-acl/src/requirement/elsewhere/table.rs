//! The rows: more specific paths first.

use super::{
    About,
    About::{Nothing, Object, Path, Request},
    Demand,
};
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

/// Of every group at least one right.
type Groups = &'static [&'static [Right]];

const fn get(path: &'static str, about: About, all: Groups) -> Row {
    Row { verb: Verb::Read, path, demand: Demand::Rights(Requirement::all(all), about) }
}

const fn put(path: &'static str, about: About, all: Groups) -> Row {
    Row { verb: Verb::Write, path, demand: Demand::Rights(Requirement::all(all), about) }
}

const fn delete(path: &'static str, about: About, all: Groups) -> Row {
    Row { verb: Verb::Delete, path, demand: Demand::Rights(Requirement::all(all), about) }
}

const fn of(capability: Capability) -> Right {
    Right::Namespace(capability)
}

/// Calls whose demand does not depend on the body or on the state of the servers.
pub(super) const ROWS: &[Row] = &[
    Row { verb: Verb::Write, path: "acl/token/onetime", demand: Demand::ServerDecides },
    get("jobs", Request, LIST_JOBS),
    get("jobs/statuses", Request, READ_JOB),
    put("jobs/statuses", Request, READ_JOB),
    put("jobs/parse", Request, PARSE_JOB),
    put("validate/job", Request, READ_JOB),
    get("allocations", Request, READ_JOB),
    get("evaluations", Request, READ_JOB),
    get("evaluations/count", Request, READ_JOB),
    get("deployments", Request, READ_JOB),
    delete("evaluations", Nothing, MANAGEMENT),
    get("nodes", Nothing, NODE_READ),
    put("namespace", Nothing, MANAGEMENT),
    get("volumes/external", Request, LIST_VOLUMES),
    get("volumes/snapshot", Request, LIST_VOLUMES),
    put("volume/host/create", Object, HOST_VOLUME_CREATE),
    put("volume/host/register", Object, HOST_VOLUME_REGISTER),
    get("volumes/claims", Request, HOST_VOLUME_READ),
    get("plugins", Nothing, PLUGIN_LIST),
    put("system/gc", Nothing, MANAGEMENT),
    put("system/reconcile/summaries", Nothing, MANAGEMENT),
    delete("operator/raft/peer", Nothing, MANAGEMENT),
    get("operator/raft/configuration", Nothing, MANAGEMENT),
    put("operator/raft/transfer-leadership", Nothing, MANAGEMENT),
    put("operator/snapshot", Nothing, MANAGEMENT),
    get("acl/tokens", Nothing, MANAGEMENT),
    put("acl/token", Nothing, MANAGEMENT),
    put("acl/role", Nothing, MANAGEMENT),
    put("acl/auth-method", Nothing, MANAGEMENT),
    put("acl/binding-rule", Nothing, MANAGEMENT),
    get("acl/binding-rules", Nothing, MANAGEMENT),
    get("operator/snapshot", Nothing, SNAPSHOT_SAVE),
    get("operator/autopilot/configuration", Nothing, OPERATOR_READ),
    get("operator/autopilot/health", Nothing, OPERATOR_READ),
    get("operator/scheduler/configuration", Nothing, OPERATOR_READ),
    put("operator/autopilot/configuration", Nothing, OPERATOR_WRITE),
    put("operator/scheduler/configuration", Nothing, OPERATOR_WRITE),
    get("operator/keyring/keys", Nothing, KEYRING_READ),
    put("operator/keyring/rotate", Nothing, KEYRING_ROTATE),
    put("acl/identity/client-introduction-token", Nothing, NODE_WRITE),
    get("regions", Nothing, FREE),
    get("metrics", Nothing, FREE),
    get("acl/auth-methods", Nothing, FREE),
    put("acl/login", Nothing, FREE),
    put("acl/bootstrap", Nothing, FREE),
    put("acl/token/onetime/exchange", Nothing, FREE),
    get("job/:", Request, READ_JOB),
    get("job/:/versions", Request, READ_JOB),
    get("job/:/allocations", Request, READ_JOB),
    get("job/:/evaluations", Request, READ_JOB),
    get("job/:/deployments", Request, READ_JOB),
    get("job/:/deployment", Request, READ_JOB),
    get("job/:/summary", Request, READ_JOB),
    get("job/:/submission", Request, READ_JOB),
    get("job/:/services", Request, READ_JOB),
    get("job/:/actions", Request, READ_JOB),
    get("job/:/scale", Request, READ_JOB_OR_READ_JOB_SCALING),
    put("job/:/scale", Request, SCALE_JOB),
    put("job/:/evaluate", Request, EVALUATE_JOB),
    put("job/:/revert", Request, REVERT_JOB),
    put("job/:/stable", Request, STABLE_JOB),
    put("job/:/dispatch", Request, DISPATCH_JOB),
    put("job/:/periodic/force", Request, FORCE_PERIODIC),
    get("allocation/:", Object, READ_JOB),
    put("allocation/:/stop", Object, ALLOC_LIFECYCLE),
    get("evaluation/:", Request, READ_JOB),
    get("evaluation/:/allocations", Request, READ_JOB),
    get("deployment/:", Request, READ_JOB),
    get("deployment/allocations/:", Request, READ_JOB),
    put("deployment/fail/:", Object, FAIL_DEPLOYMENT),
    put("deployment/pause/:", Object, PAUSE_DEPLOYMENT),
    put("deployment/promote/:", Object, PROMOTE_DEPLOYMENT),
    put("deployment/unblock/:", Object, UNBLOCK_DEPLOYMENT),
    put("deployment/allocation-health/:", Object, SET_ALLOC_HEALTH_DEPLOYMENT),
    get("node/:", Nothing, NODE_READ),
    get("node/:/allocations", Nothing, NODE_READ),
    put("node/:/drain", Nothing, NODE_WRITE),
    put("node/:/eligibility", Nothing, NODE_WRITE),
    put("node/:/evaluate", Nothing, NODE_WRITE),
    put("node/:/purge", Nothing, NODE_WRITE),
    get("node/pool/:", Path, NODE_POOL_READ),
    put("node/pool/:", Path, NODE_POOL_WRITE),
    delete("node/pool/:", Path, NODE_POOL_DELETE),
    get("node/pool/:/jobs", Path, NODE_POOL_READ),
    get("node/pool/:/nodes", Path, NODE_POOL_READ_AND_NODE_READ),
    get("namespace/:", Path, NAMESPACE_ANY),
    put("namespace/:", Nothing, MANAGEMENT),
    delete("namespace/:", Nothing, MANAGEMENT),
    get("volume/csi/:", Request, READ_VOLUME),
    get("volume/host/:", Request, HOST_VOLUME_READ),
    delete("volume/host/:/delete", Request, HOST_VOLUME_DELETE),
    delete("volumes/claim/:", Request, HOST_VOLUME_DELETE),
    put("volume/csi/:/register", Object, PLUGIN_READ_AND_CSI_WRITE_VOLUME),
    put("volume/csi/:/create", Object, PLUGIN_READ_AND_CSI_WRITE_VOLUME),
    delete("volume/csi/:", Request, CSI_WRITE_VOLUME),
    delete("volume/csi/:/delete", Request, PLUGIN_READ_AND_CSI_WRITE_VOLUME),
    delete("volume/csi/:/detach", Request, PLUGIN_READ_AND_CSI_MOUNT_VOLUME),
    get("plugin/csi/:", Nothing, PLUGIN_READ),
    put("acl/policy/:", Nothing, MANAGEMENT),
    delete("acl/policy/:", Nothing, MANAGEMENT),
    put("acl/token/:", Nothing, MANAGEMENT),
    delete("acl/token/:", Nothing, MANAGEMENT),
    put("acl/role/:", Nothing, MANAGEMENT),
    delete("acl/role/:", Nothing, MANAGEMENT),
    get("acl/auth-method/:", Nothing, MANAGEMENT),
    put("acl/auth-method/:", Nothing, MANAGEMENT),
    delete("acl/auth-method/:", Nothing, MANAGEMENT),
    get("acl/binding-rule/:", Nothing, MANAGEMENT),
    put("acl/binding-rule/:", Nothing, MANAGEMENT),
    delete("acl/binding-rule/:", Nothing, MANAGEMENT),
    delete("operator/keyring/key/:", Nothing, KEYRING_DELETE),
    put("job/:/versions/:/tag", Request, TAG_JOB_VERSION),
    delete("job/:/versions/:/tag", Request, TAG_JOB_VERSION),
    delete("service/:/:", Request, DELETE_SERVICE_REGISTRATION),
    put("var/*", Path, VARIABLE_WRITE),
    delete("var/*", Path, VARIABLE_DESTROY),
    get("var/*", Path, VARIABLE_READ),
    get("status/*", Nothing, FREE),
    put("acl/oidc/*", Nothing, FREE),
];

const LIST_JOBS: Groups = &[&[of(Capability::ListJobs)]];
const READ_JOB: Groups = &[&[of(Capability::ReadJob)]];
const PARSE_JOB: Groups = &[&[of(Capability::ParseJob), of(Capability::SubmitJob)]];
const MANAGEMENT: Groups = &[&[Right::Management]];
const NODE_READ: Groups = &[&[Right::Node(Level::Read)]];
const LIST_VOLUMES: Groups = &[&[
    of(Capability::CsiListVolume),
    of(Capability::CsiReadVolume),
    of(Capability::CsiMountVolume),
    of(Capability::ListJobs),
]];
const HOST_VOLUME_CREATE: Groups = &[&[of(Capability::HostVolumeCreate)]];
const HOST_VOLUME_REGISTER: Groups = &[&[of(Capability::HostVolumeRegister)]];
const HOST_VOLUME_READ: Groups = &[&[of(Capability::HostVolumeRead)]];
const PLUGIN_LIST: Groups = &[&[Right::PluginList]];
const SNAPSHOT_SAVE: Groups = &[&[Right::OperatorCapability(OperatorCapability::SnapshotSave)]];
const OPERATOR_READ: Groups = &[&[Right::Operator(Level::Read)]];
const OPERATOR_WRITE: Groups = &[&[Right::Operator(Level::Write)]];
const KEYRING_READ: Groups = &[&[Right::OperatorCapability(OperatorCapability::KeyringRead)]];
const KEYRING_ROTATE: Groups = &[&[Right::OperatorCapability(OperatorCapability::KeyringRotate)]];
const NODE_WRITE: Groups = &[&[Right::Node(Level::Write)]];
const FREE: Groups = &[];
const READ_JOB_OR_READ_JOB_SCALING: Groups =
    &[&[of(Capability::ReadJob), of(Capability::ReadJobScaling)]];
const SCALE_JOB: Groups = &[&[of(Capability::ScaleJob), of(Capability::SubmitJob)]];
const EVALUATE_JOB: Groups = &[&[of(Capability::SubmitJob), of(Capability::EvaluateJob)]];
const REVERT_JOB: Groups = &[&[of(Capability::SubmitJob), of(Capability::RevertJob)]];
const STABLE_JOB: Groups = &[&[of(Capability::SubmitJob), of(Capability::StableJob)]];
const DISPATCH_JOB: Groups = &[&[of(Capability::DispatchJob)]];
const FORCE_PERIODIC: Groups =
    &[&[of(Capability::DispatchJob), of(Capability::SubmitJob), of(Capability::ForcePeriodicJob)]];
const ALLOC_LIFECYCLE: Groups = &[&[of(Capability::AllocLifecycle)]];
const FAIL_DEPLOYMENT: Groups = &[&[of(Capability::SubmitJob), of(Capability::FailDeployment)]];
const PAUSE_DEPLOYMENT: Groups = &[&[of(Capability::SubmitJob), of(Capability::PauseDeployment)]];
const PROMOTE_DEPLOYMENT: Groups =
    &[&[of(Capability::SubmitJob), of(Capability::PromoteDeployment)]];
const UNBLOCK_DEPLOYMENT: Groups =
    &[&[of(Capability::SubmitJob), of(Capability::UnblockDeployment)]];
const SET_ALLOC_HEALTH_DEPLOYMENT: Groups =
    &[&[of(Capability::SubmitJob), of(Capability::SetAllocHealthDeployment)]];
const NODE_POOL_READ: Groups = &[&[Right::NodePool(NodePoolCapability::Read)]];
const NODE_POOL_WRITE: Groups = &[&[Right::NodePool(NodePoolCapability::Write)]];
const NODE_POOL_DELETE: Groups = &[&[Right::NodePool(NodePoolCapability::Delete)]];
const NODE_POOL_READ_AND_NODE_READ: Groups =
    &[&[Right::NodePool(NodePoolCapability::Read)], &[Right::Node(Level::Read)]];
const NAMESPACE_ANY: Groups = &[&[Right::NamespaceAny]];
const READ_VOLUME: Groups =
    &[&[of(Capability::CsiReadVolume), of(Capability::CsiMountVolume), of(Capability::ReadJob)]];
const HOST_VOLUME_DELETE: Groups = &[&[of(Capability::HostVolumeDelete)]];
const PLUGIN_READ_AND_CSI_WRITE_VOLUME: Groups =
    &[&[Right::PluginRead], &[of(Capability::CsiWriteVolume)]];
const CSI_WRITE_VOLUME: Groups = &[&[of(Capability::CsiWriteVolume)]];
const PLUGIN_READ_AND_CSI_MOUNT_VOLUME: Groups =
    &[&[Right::PluginRead], &[of(Capability::CsiMountVolume)]];
const PLUGIN_READ: Groups = &[&[Right::PluginRead]];
const KEYRING_DELETE: Groups = &[&[Right::OperatorCapability(OperatorCapability::KeyringDelete)]];
const TAG_JOB_VERSION: Groups = &[&[of(Capability::SubmitJob), of(Capability::TagJobVersion)]];
const DELETE_SERVICE_REGISTRATION: Groups =
    &[&[of(Capability::SubmitJob), of(Capability::DeleteServiceRegistration)]];
const VARIABLE_WRITE: Groups = &[&[Right::Variable(PathCapability::Write)]];
const VARIABLE_DESTROY: Groups = &[&[Right::Variable(PathCapability::Destroy)]];
const VARIABLE_READ: Groups = &[&[Right::Variable(PathCapability::Read)]];
