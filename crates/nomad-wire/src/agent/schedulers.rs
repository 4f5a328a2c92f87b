//! `GET /v1/agent/schedulers` and `/v1/agent/schedulers/config`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// The scheduler workers of a server: the answer of `GET /v1/agent/schedulers`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Schedulers {
    /// Every worker; never `null`.
    #[serde(deserialize_with = "null_is_default")]
    pub schedulers: Vec<SchedulerWorker>,
    /// Gossip name of the server, `<node>.<region>`.
    pub server_id: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for Schedulers {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("schedulers", &self.schedulers)?;
        keys.write("server_id", &self.server_id)?;
        keys.end()
    }
}

/// One scheduler worker, in [`Schedulers`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SchedulerWorker {
    /// Evaluation types it takes: `_core`, `service`, `batch`, `system`, `sysbatch`.
    #[serde(deserialize_with = "null_is_default")]
    pub enabled_schedulers: Vec<String>,
    /// UUID of the worker.
    pub id: String,
    /// When it started, RFC 3339 with nanoseconds, UTC.
    pub started: String,
    /// `Unknown`, `Starting`, `Started`, `Pausing`, `Paused`, `Resuming`, `Stopping` or `Stopped`.
    pub status: String,
    /// `UnknownStatus`, `Running`, `WaitingToDequeue`, `WaitingForRaft`, `Scheduling`,
    /// `Submitting`, `Backoff`, `Stopped` or `Paused`.
    pub workload_status: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for SchedulerWorker {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("enabled_schedulers", &self.enabled_schedulers)?;
        keys.write("id", &self.id)?;
        keys.write("started", &self.started)?;
        keys.write("status", &self.status)?;
        keys.write("workload_status", &self.workload_status)?;
        keys.end()
    }
}

/// How many schedulers a server runs, and for what: the answer of `GET` and `PUT
/// /v1/agent/schedulers/config`, in force until the server restarts.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SchedulersConfig {
    /// Evaluation types: `_core` always, and any of `service`, `batch`, `system`, `sysbatch`.
    #[serde(deserialize_with = "null_is_default")]
    pub enabled_schedulers: Vec<String>,
    /// Workers, between 0 and the number of CPUs.
    pub num_schedulers: i64,
    /// Gossip name of the server, `<node>.<region>`.
    pub server_id: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for SchedulersConfig {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("enabled_schedulers", &self.enabled_schedulers)?;
        keys.write("num_schedulers", &self.num_schedulers)?;
        keys.write("server_id", &self.server_id)?;
        keys.end()
    }
}
