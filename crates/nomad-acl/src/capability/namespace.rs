//! The words of a `namespace` block.

use super::{BlockCapability, CapabilitySet, PolicyLevel};

/// A capability inside a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamespaceCapability {
    /// Withdraws every other capability of the namespace.
    Deny,
    /// List the jobs.
    ListJobs,
    /// Turn a job file into its JSON form.
    ParseJob,
    /// Read a job, its allocations, evaluations and deployments.
    ReadJob,
    /// Register, stop and otherwise change jobs.
    SubmitJob,
    /// Dispatch a parameterized job.
    DispatchJob,
    /// Read the logs of an allocation's tasks.
    ReadLogs,
    /// Read the files of an allocation, its logs included.
    ReadFs,
    /// Run a command in a task.
    AllocExec,
    /// Run a command in a task that is not isolated from its host.
    AllocNodeExec,
    /// Restart, signal or stop an allocation.
    AllocLifecycle,
    /// Override soft-mandatory Sentinel policies (Enterprise).
    SentinelOverride,
    /// Run a job that is a CSI plugin.
    CsiRegisterPlugin,
    /// Create, register and delete CSI volumes.
    CsiWriteVolume,
    /// Read a CSI volume.
    CsiReadVolume,
    /// List CSI volumes.
    CsiListVolume,
    /// Use a CSI volume in a job.
    CsiMountVolume,
    /// Create dynamic host volumes.
    HostVolumeCreate,
    /// Register existing dynamic host volumes.
    HostVolumeRegister,
    /// Read dynamic host volumes.
    HostVolumeRead,
    /// All rights on dynamic host volumes.
    HostVolumeWrite,
    /// Delete dynamic host volumes.
    HostVolumeDelete,
    /// List scaling policies.
    ListScalingPolicies,
    /// Read a scaling policy.
    ReadScalingPolicy,
    /// Read how far a job is scaled.
    ReadJobScaling,
    /// Scale a job.
    ScaleJob,
    /// Submit a sizing recommendation (Enterprise).
    SubmitRecommendation,
    /// Register a job.
    RegisterJob,
    /// Revert a job to an earlier version.
    RevertJob,
    /// Stop a job without purging it.
    DeregisterJob,
    /// Stop and purge a job.
    PurgeJob,
    /// Force an evaluation of a job.
    EvaluateJob,
    /// Plan a job.
    PlanJob,
    /// Tag a version of a job.
    TagJobVersion,
    /// Mark a version of a job as stable.
    StableJob,
    /// Fail a deployment.
    FailDeployment,
    /// Pause a deployment.
    PauseDeployment,
    /// Promote a deployment's canaries.
    PromoteDeployment,
    /// Unblock a deployment.
    UnblockDeployment,
    /// Cancel a deployment.
    CancelDeployment,
    /// Set the health of a deployment's allocations.
    SetAllocHealthDeployment,
    /// Collect a finished allocation.
    GcAllocation,
    /// Pause or resume the tasks of an allocation.
    PauseAllocation,
    /// Force a run of a periodic job.
    ForcePeriodicJob,
    /// Delete a service registration.
    DeleteServiceRegistration,
}

impl BlockCapability for NamespaceCapability {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::ListJobs, "list-jobs"),
        (Self::ParseJob, "parse-job"),
        (Self::ReadJob, "read-job"),
        (Self::SubmitJob, "submit-job"),
        (Self::DispatchJob, "dispatch-job"),
        (Self::ReadLogs, "read-logs"),
        (Self::ReadFs, "read-fs"),
        (Self::AllocExec, "alloc-exec"),
        (Self::AllocNodeExec, "alloc-node-exec"),
        (Self::AllocLifecycle, "alloc-lifecycle"),
        (Self::SentinelOverride, "sentinel-override"),
        (Self::CsiRegisterPlugin, "csi-register-plugin"),
        (Self::CsiWriteVolume, "csi-write-volume"),
        (Self::CsiReadVolume, "csi-read-volume"),
        (Self::CsiListVolume, "csi-list-volume"),
        (Self::CsiMountVolume, "csi-mount-volume"),
        (Self::HostVolumeCreate, "host-volume-create"),
        (Self::HostVolumeRegister, "host-volume-register"),
        (Self::HostVolumeRead, "host-volume-read"),
        (Self::HostVolumeWrite, "host-volume-write"),
        (Self::HostVolumeDelete, "host-volume-delete"),
        (Self::ListScalingPolicies, "list-scaling-policies"),
        (Self::ReadScalingPolicy, "read-scaling-policy"),
        (Self::ReadJobScaling, "read-job-scaling"),
        (Self::ScaleJob, "scale-job"),
        (Self::SubmitRecommendation, "submit-recommendation"),
        (Self::RegisterJob, "register-job"),
        (Self::RevertJob, "revert-job"),
        (Self::DeregisterJob, "deregister-job"),
        (Self::PurgeJob, "purge-job"),
        (Self::EvaluateJob, "evaluate-job"),
        (Self::PlanJob, "plan-job"),
        (Self::TagJobVersion, "tag-job-version"),
        (Self::StableJob, "stable-job"),
        (Self::FailDeployment, "fail-deployment"),
        (Self::PauseDeployment, "pause-deployment"),
        (Self::PromoteDeployment, "promote-deployment"),
        (Self::UnblockDeployment, "unblock-deployment"),
        (Self::CancelDeployment, "cancel-deployment"),
        (Self::SetAllocHealthDeployment, "set-alloc-health-deployment"),
        (Self::GcAllocation, "gc-allocation"),
        (Self::PauseAllocation, "pause-allocation"),
        (Self::ForcePeriodicJob, "force-periodic-job"),
        (Self::DeleteServiceRegistration, "delete-service-registration"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny => CapabilitySet::from_slice(&[Self::Deny]),
            PolicyLevel::Read => CapabilitySet::from_slice(READ_LEVEL),
            PolicyLevel::Write => CapabilitySet::from_slice(READ_LEVEL)
                .union(CapabilitySet::from_slice(WRITE_LEVEL_ADDITIONS)),
            PolicyLevel::Scale => CapabilitySet::from_slice(SCALE_LEVEL),
            PolicyLevel::List => CapabilitySet::EMPTY,
        }
    }

    /// The host volume words are the only ones that imply others. What the documentation says of
    /// further pairs (`read-fs` and `read-logs`) is the work of calls that accept either word.
    fn with_implied(set: CapabilitySet<Self>) -> CapabilitySet<Self> {
        let mut all = set;
        if all.contains(Self::HostVolumeWrite) {
            all = all
                .with_capability(Self::HostVolumeRegister)
                .with_capability(Self::HostVolumeDelete);
        }
        if all.contains(Self::HostVolumeRegister) {
            all = all.with_capability(Self::HostVolumeCreate);
        }
        if all.contains(Self::HostVolumeCreate) {
            all = all.with_capability(Self::HostVolumeRead);
        }
        all
    }
}

/// What `policy = "read"` stands for.
const READ_LEVEL: &[NamespaceCapability] = &[
    NamespaceCapability::ListJobs,
    NamespaceCapability::ParseJob,
    NamespaceCapability::ReadJob,
    NamespaceCapability::CsiListVolume,
    NamespaceCapability::CsiReadVolume,
    NamespaceCapability::ReadJobScaling,
    NamespaceCapability::ListScalingPolicies,
    NamespaceCapability::ReadScalingPolicy,
    NamespaceCapability::HostVolumeRead,
];

/// What `policy = "write"` adds to `read`. The words that the later releases split off from
/// `submit-job` are not here: the calls accept `submit-job` in their place.
const WRITE_LEVEL_ADDITIONS: &[NamespaceCapability] = &[
    NamespaceCapability::ScaleJob,
    NamespaceCapability::SubmitJob,
    NamespaceCapability::DispatchJob,
    NamespaceCapability::ReadLogs,
    NamespaceCapability::ReadFs,
    NamespaceCapability::AllocExec,
    NamespaceCapability::AllocLifecycle,
    NamespaceCapability::CsiMountVolume,
    NamespaceCapability::CsiWriteVolume,
    NamespaceCapability::SubmitRecommendation,
    NamespaceCapability::HostVolumeCreate,
];

/// What `policy = "scale"` stands for.
const SCALE_LEVEL: &[NamespaceCapability] = &[
    NamespaceCapability::ListScalingPolicies,
    NamespaceCapability::ReadScalingPolicy,
    NamespaceCapability::ReadJobScaling,
    NamespaceCapability::ScaleJob,
    NamespaceCapability::ReadJob,
    NamespaceCapability::SubmitRecommendation,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_own_bit_and_spelling() {
        for (index, (word, text)) in NamespaceCapability::ALL.iter().enumerate() {
            assert_eq!(word.bit() as usize, index, "{text}");
            assert_eq!(NamespaceCapability::parse(text), Some(*word));
        }
        assert_eq!(NamespaceCapability::ALL.len(), 45);
    }

    #[test]
    fn host_volume_write_implies_the_four_others() {
        let set = NamespaceCapability::with_implied(CapabilitySet::from_slice(&[
            NamespaceCapability::HostVolumeWrite,
        ]));
        assert_eq!(set.iter().count(), 5);
        let create = NamespaceCapability::with_implied(CapabilitySet::from_slice(&[
            NamespaceCapability::HostVolumeCreate,
        ]));
        assert!(
            create.contains(NamespaceCapability::HostVolumeRead)
                && !create.contains(NamespaceCapability::HostVolumeDelete)
        );
    }
}
