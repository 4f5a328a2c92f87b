//! The words of a `namespace` block.

use super::{Level, Set, Word};

/// A capability inside a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
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

impl Word for Capability {
    const WORDS: &'static [(Self, &'static str)] = &[
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

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny => Set::of(&[Self::Deny]),
            Level::Read => Set::of(READ),
            Level::Write => Set::of(READ).union(Set::of(WRITE)),
            Level::Scale => Set::of(SCALE),
            Level::List => Set::EMPTY,
        }
    }

    /// The host volume words are the only ones that imply others. What the documentation says of
    /// further pairs (`read-fs` and `read-logs`) is the work of calls that accept either word.
    fn with_implied(set: Set<Self>) -> Set<Self> {
        let mut all = set;
        if all.has(Self::HostVolumeWrite) {
            all = all.with(Self::HostVolumeRegister).with(Self::HostVolumeDelete);
        }
        if all.has(Self::HostVolumeRegister) {
            all = all.with(Self::HostVolumeCreate);
        }
        if all.has(Self::HostVolumeCreate) {
            all = all.with(Self::HostVolumeRead);
        }
        all
    }
}

/// What `policy = "read"` stands for.
const READ: &[Capability] = &[
    Capability::ListJobs,
    Capability::ParseJob,
    Capability::ReadJob,
    Capability::CsiListVolume,
    Capability::CsiReadVolume,
    Capability::ReadJobScaling,
    Capability::ListScalingPolicies,
    Capability::ReadScalingPolicy,
    Capability::HostVolumeRead,
];

/// What `policy = "write"` adds to `read`. The words that the later releases split off from
/// `submit-job` are not here: the calls accept `submit-job` in their place.
const WRITE: &[Capability] = &[
    Capability::ScaleJob,
    Capability::SubmitJob,
    Capability::DispatchJob,
    Capability::ReadLogs,
    Capability::ReadFs,
    Capability::AllocExec,
    Capability::AllocLifecycle,
    Capability::CsiMountVolume,
    Capability::CsiWriteVolume,
    Capability::SubmitRecommendation,
    Capability::HostVolumeCreate,
];

/// What `policy = "scale"` stands for.
const SCALE: &[Capability] = &[
    Capability::ListScalingPolicies,
    Capability::ReadScalingPolicy,
    Capability::ReadJobScaling,
    Capability::ScaleJob,
    Capability::ReadJob,
    Capability::SubmitRecommendation,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_own_bit_and_spelling() {
        for (index, (word, text)) in Capability::WORDS.iter().enumerate() {
            assert_eq!(word.bit() as usize, index, "{text}");
            assert_eq!(Capability::parse(text), Some(*word));
        }
        assert_eq!(Capability::WORDS.len(), 45);
    }

    #[test]
    fn host_volume_write_implies_the_four_others() {
        let set = Capability::with_implied(Set::of(&[Capability::HostVolumeWrite]));
        assert_eq!(set.words().count(), 5);
        let create = Capability::with_implied(Set::of(&[Capability::HostVolumeCreate]));
        assert!(
            create.has(Capability::HostVolumeRead) && !create.has(Capability::HostVolumeDelete)
        );
    }
}
