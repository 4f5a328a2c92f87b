//! The rows: more specific paths first.

use super::{
    ServerRequirement, SubjectSource,
    SubjectSource::{Nothing, Object, Path, Request},
};
use crate::{
    capability::{NamespaceCapability, NodePoolCapability, OperatorCapability, PathCapability},
    requirement::{AccessLevel, Capability, Requirement},
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
    pub(super) requirement: ServerRequirement,
}

/// Of every group at least one right.
type Groups = &'static [&'static [Capability]];

const fn get(path: &'static str, about: SubjectSource, all: Groups) -> Row {
    Row {
        verb: Verb::Read,
        path,
        requirement: ServerRequirement::Capabilities(Requirement::new(all), about),
    }
}

const fn put(path: &'static str, about: SubjectSource, all: Groups) -> Row {
    Row {
        verb: Verb::Write,
        path,
        requirement: ServerRequirement::Capabilities(Requirement::new(all), about),
    }
}

const fn delete(path: &'static str, about: SubjectSource, all: Groups) -> Row {
    Row {
        verb: Verb::Delete,
        path,
        requirement: ServerRequirement::Capabilities(Requirement::new(all), about),
    }
}

const fn namespace(capability: NamespaceCapability) -> Capability {
    Capability::Namespace(capability)
}

/// Calls whose demand does not depend on the body or on the state of the servers.
pub(super) const ROWS: &[Row] = &[
    Row {
        verb: Verb::Write,
        path: "acl/token/onetime",
        requirement: ServerRequirement::ServerDecides,
    },
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

const LIST_JOBS: Groups = &[&[namespace(NamespaceCapability::ListJobs)]];
const READ_JOB: Groups = &[&[namespace(NamespaceCapability::ReadJob)]];
const PARSE_JOB: Groups =
    &[&[namespace(NamespaceCapability::ParseJob), namespace(NamespaceCapability::SubmitJob)]];
const MANAGEMENT: Groups = &[&[Capability::Management]];
const NODE_READ: Groups = &[&[Capability::Node(AccessLevel::Read)]];
const LIST_VOLUMES: Groups = &[&[
    namespace(NamespaceCapability::CsiListVolume),
    namespace(NamespaceCapability::CsiReadVolume),
    namespace(NamespaceCapability::CsiMountVolume),
    namespace(NamespaceCapability::ListJobs),
]];
const HOST_VOLUME_CREATE: Groups = &[&[namespace(NamespaceCapability::HostVolumeCreate)]];
const HOST_VOLUME_REGISTER: Groups = &[&[namespace(NamespaceCapability::HostVolumeRegister)]];
const HOST_VOLUME_READ: Groups = &[&[namespace(NamespaceCapability::HostVolumeRead)]];
const PLUGIN_LIST: Groups = &[&[Capability::PluginList]];
const SNAPSHOT_SAVE: Groups =
    &[&[Capability::OperatorCapability(OperatorCapability::SnapshotSave)]];
const OPERATOR_READ: Groups = &[&[Capability::Operator(AccessLevel::Read)]];
const OPERATOR_WRITE: Groups = &[&[Capability::Operator(AccessLevel::Write)]];
const KEYRING_READ: Groups = &[&[Capability::OperatorCapability(OperatorCapability::KeyringRead)]];
const KEYRING_ROTATE: Groups =
    &[&[Capability::OperatorCapability(OperatorCapability::KeyringRotate)]];
const NODE_WRITE: Groups = &[&[Capability::Node(AccessLevel::Write)]];
const FREE: Groups = &[];
const READ_JOB_OR_READ_JOB_SCALING: Groups =
    &[&[namespace(NamespaceCapability::ReadJob), namespace(NamespaceCapability::ReadJobScaling)]];
const SCALE_JOB: Groups =
    &[&[namespace(NamespaceCapability::ScaleJob), namespace(NamespaceCapability::SubmitJob)]];
const EVALUATE_JOB: Groups =
    &[&[namespace(NamespaceCapability::SubmitJob), namespace(NamespaceCapability::EvaluateJob)]];
const REVERT_JOB: Groups =
    &[&[namespace(NamespaceCapability::SubmitJob), namespace(NamespaceCapability::RevertJob)]];
const STABLE_JOB: Groups =
    &[&[namespace(NamespaceCapability::SubmitJob), namespace(NamespaceCapability::StableJob)]];
const DISPATCH_JOB: Groups = &[&[namespace(NamespaceCapability::DispatchJob)]];
const FORCE_PERIODIC: Groups = &[&[
    namespace(NamespaceCapability::DispatchJob),
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::ForcePeriodicJob),
]];
const ALLOC_LIFECYCLE: Groups = &[&[namespace(NamespaceCapability::AllocLifecycle)]];
const FAIL_DEPLOYMENT: Groups =
    &[&[namespace(NamespaceCapability::SubmitJob), namespace(NamespaceCapability::FailDeployment)]];
const PAUSE_DEPLOYMENT: Groups = &[&[
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::PauseDeployment),
]];
const PROMOTE_DEPLOYMENT: Groups = &[&[
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::PromoteDeployment),
]];
const UNBLOCK_DEPLOYMENT: Groups = &[&[
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::UnblockDeployment),
]];
const SET_ALLOC_HEALTH_DEPLOYMENT: Groups = &[&[
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::SetAllocHealthDeployment),
]];
const NODE_POOL_READ: Groups = &[&[Capability::NodePool(NodePoolCapability::Read)]];
const NODE_POOL_WRITE: Groups = &[&[Capability::NodePool(NodePoolCapability::Write)]];
const NODE_POOL_DELETE: Groups = &[&[Capability::NodePool(NodePoolCapability::Delete)]];
const NODE_POOL_READ_AND_NODE_READ: Groups =
    &[&[Capability::NodePool(NodePoolCapability::Read)], &[Capability::Node(AccessLevel::Read)]];
const NAMESPACE_ANY: Groups = &[&[Capability::NamespaceAny]];
const READ_VOLUME: Groups = &[&[
    namespace(NamespaceCapability::CsiReadVolume),
    namespace(NamespaceCapability::CsiMountVolume),
    namespace(NamespaceCapability::ReadJob),
]];
const HOST_VOLUME_DELETE: Groups = &[&[namespace(NamespaceCapability::HostVolumeDelete)]];
const PLUGIN_READ_AND_CSI_WRITE_VOLUME: Groups =
    &[&[Capability::PluginRead], &[namespace(NamespaceCapability::CsiWriteVolume)]];
const CSI_WRITE_VOLUME: Groups = &[&[namespace(NamespaceCapability::CsiWriteVolume)]];
const PLUGIN_READ_AND_CSI_MOUNT_VOLUME: Groups =
    &[&[Capability::PluginRead], &[namespace(NamespaceCapability::CsiMountVolume)]];
const PLUGIN_READ: Groups = &[&[Capability::PluginRead]];
const KEYRING_DELETE: Groups =
    &[&[Capability::OperatorCapability(OperatorCapability::KeyringDelete)]];
const TAG_JOB_VERSION: Groups =
    &[&[namespace(NamespaceCapability::SubmitJob), namespace(NamespaceCapability::TagJobVersion)]];
const DELETE_SERVICE_REGISTRATION: Groups = &[&[
    namespace(NamespaceCapability::SubmitJob),
    namespace(NamespaceCapability::DeleteServiceRegistration),
]];
const VARIABLE_WRITE: Groups = &[&[Capability::Variable(PathCapability::Write)]];
const VARIABLE_DESTROY: Groups = &[&[Capability::Variable(PathCapability::Destroy)]];
const VARIABLE_READ: Groups = &[&[Capability::Variable(PathCapability::Read)]];
