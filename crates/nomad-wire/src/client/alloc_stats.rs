//! `GET /v1/client/allocation/:id/stats`.
//!
//! All keys come in the order of Nomad's declaration, and every one is always printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::DeviceGroupStats;
use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// What an allocation uses: the answer of `GET /v1/client/allocation/:id/stats`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocStats {
    /// Sum over the running tasks; zeros when none runs.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_usage: ResourceUsage,
    /// Every task that was ever measured, by name, running or not.
    #[serde(deserialize_with = "null_is_default")]
    pub tasks: BTreeMap<String, TaskStats>,
    /// Newest sample of a running task, in nanoseconds since 1970; 0 when none runs.
    pub timestamp: i64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for AllocStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("ResourceUsage", &self.resource_usage)?;
        keys.write("Tasks", &self.tasks)?;
        keys.write("Timestamp", &self.timestamp)?;
        keys.end()
    }
}

/// What a task uses, in [`AllocStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskStats {
    /// The task as a whole.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_usage: ResourceUsage,
    /// Nanoseconds since 1970.
    pub timestamp: i64,
    /// Each process by its id; `null` when the driver does not tell them apart.
    pub pids: Option<BTreeMap<String, ResourceUsage>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for TaskStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("ResourceUsage", &self.resource_usage)?;
        keys.write("Timestamp", &self.timestamp)?;
        keys.write("Pids", &self.pids)?;
        keys.end()
    }
}

/// Memory, CPU and devices together, in [`AllocStats`] and [`TaskStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceUsage {
    /// Memory in bytes.
    #[serde(deserialize_with = "null_is_default")]
    pub memory_stats: MemoryStats,
    /// CPU time.
    #[serde(deserialize_with = "null_is_default")]
    pub cpu_stats: CpuStats,
    /// Devices the task holds; `null` when it holds none, `[]` in the sum of an allocation.
    pub device_stats: Option<Vec<DeviceGroupStats>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for ResourceUsage {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("MemoryStats", &self.memory_stats)?;
        keys.write("CpuStats", &self.cpu_stats)?;
        keys.write("DeviceStats", &self.device_stats)?;
        keys.end()
    }
}

/// Memory of a task, in bytes, in [`ResourceUsage`].
///
/// What the driver did not measure is 0; [`measured`](Self::measured) tells which is which.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MemoryStats {
    /// Resident memory.
    #[serde(rename = "RSS", default)]
    pub rss: u64,
    /// Page cache.
    #[serde(default)]
    pub cache: u64,
    /// Swapped out.
    #[serde(default)]
    pub swap: u64,
    /// Mapped files; not sent by 1.0.
    #[serde(default)]
    pub mapped_file: Option<u64>,
    /// Everything the control group accounts for.
    #[serde(default)]
    pub usage: u64,
    /// Highest `Usage` seen.
    #[serde(default)]
    pub max_usage: u64,
    /// Memory of the kernel.
    #[serde(default)]
    pub kernel_usage: u64,
    /// Highest `KernelUsage` seen.
    #[serde(default)]
    pub kernel_max_usage: u64,
    /// What was measured: `RSS`, `Cache`, `Swap`, `Usage`, `Max Usage`, `Kernel Usage`, `Kernel
    /// Max Usage`; `null` when nothing was.
    #[serde(default)]
    pub measured: Option<Vec<String>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Default for MemoryStats {
    fn default() -> Self {
        Self {
            rss: 0,
            cache: 0,
            swap: 0,
            mapped_file: Some(0),
            usage: 0,
            max_usage: 0,
            kernel_usage: 0,
            kernel_max_usage: 0,
            measured: None,
            other: UnknownFields::default(),
        }
    }
}

impl Serialize for MemoryStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("RSS", &self.rss)?;
        keys.write("Cache", &self.cache)?;
        keys.write("Swap", &self.swap)?;
        keys.write_some("MappedFile", self.mapped_file.as_ref())?;
        keys.write("Usage", &self.usage)?;
        keys.write("MaxUsage", &self.max_usage)?;
        keys.write("KernelUsage", &self.kernel_usage)?;
        keys.write("KernelMaxUsage", &self.kernel_max_usage)?;
        keys.write("Measured", &self.measured)?;
        keys.end()
    }
}

/// CPU of a task, in [`ResourceUsage`].
///
/// What the driver did not measure is 0; [`measured`](Self::measured) tells which is which.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CpuStats {
    /// Percent of one CPU spent in the kernel.
    pub system_mode: f64,
    /// Percent of one CPU spent in user space.
    pub user_mode: f64,
    /// The same in MHz, over all CPUs.
    pub total_ticks: f64,
    /// How often the task was throttled.
    pub throttled_periods: u64,
    /// How long it was throttled, in nanoseconds.
    pub throttled_time: u64,
    /// Percent of one CPU in all.
    pub percent: f64,
    /// What was measured: `System Mode`, `User Mode`, `Throttled Periods`, `Throttled Time`,
    /// `Percent`; `null` when nothing was.
    pub measured: Option<Vec<String>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for CpuStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("SystemMode", &self.system_mode)?;
        keys.write("UserMode", &self.user_mode)?;
        keys.write("TotalTicks", &self.total_ticks)?;
        keys.write("ThrottledPeriods", &self.throttled_periods)?;
        keys.write("ThrottledTime", &self.throttled_time)?;
        keys.write("Percent", &self.percent)?;
        keys.write("Measured", &self.measured)?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn an_idle_allocation_prints_zeros_in_declaration_order() {
        let resource_usage =
            ResourceUsage { device_stats: Some(Vec::new()), ..ResourceUsage::default() };
        let idle = AllocStats { resource_usage, ..AllocStats::default() };
        let wire = concat!(
            r#"{"ResourceUsage":{"MemoryStats":{"RSS":0,"Cache":0,"Swap":0,"MappedFile":0,"#,
            r#""Usage":0,"MaxUsage":0,"KernelUsage":0,"KernelMaxUsage":0,"Measured":null},"#,
            r#""CpuStats":{"SystemMode":0.0,"UserMode":0.0,"TotalTicks":0.0,"#,
            r#""ThrottledPeriods":0,"ThrottledTime":0,"Percent":0.0,"Measured":null},"#,
            r#""DeviceStats":[]},"Tasks":{},"Timestamp":0}"#,
        );
        assert_eq!(to_json(&idle, Layout::Compact).unwrap(), wire.as_bytes());
        assert_eq!(serde_json::from_str::<AllocStats>(wire).unwrap(), idle);
    }

    #[test]
    fn a_task_names_its_processes_last() {
        let wire = to_json(&TaskStats::default(), Layout::Compact).unwrap();
        assert!(wire.ends_with(br#","Timestamp":0,"Pids":null}"#));
    }
}
