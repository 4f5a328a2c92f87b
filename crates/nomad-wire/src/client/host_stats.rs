//! `GET /v1/client/stats`.
//!
//! All keys are sorted by byte. A figure that cannot be had is 0, never an error.

use serde::{Deserialize, Serialize, Serializer};

use super::DeviceGroupStats;
use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// What a node uses: the answer of `GET /v1/client/stats`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostStats {
    /// File system of the allocations; its device and mount point are empty.
    #[serde(deserialize_with = "null_is_default")]
    pub alloc_dir_stats: HostDiskStats,
    /// Each CPU; `[]` when they cannot be read.
    #[serde(rename = "CPU", deserialize_with = "null_is_default")]
    pub cpu: Vec<HostCpuStats>,
    /// Share of the CPUs in use times their clock, summed, in MHz.
    #[serde(rename = "CPUTicksConsumed")]
    pub cpu_ticks_consumed: f64,
    /// Devices by kind; `null` without device plugins.
    pub device_stats: Option<Vec<DeviceGroupStats>>,
    /// Each physical partition; `null` when there are none or they cannot be read.
    pub disk_stats: Option<Vec<HostDiskStats>>,
    /// Memory.
    #[serde(deserialize_with = "null_is_default")]
    pub memory: HostMemoryStats,
    /// When the sample was taken, in nanoseconds since 1970.
    pub timestamp: i64,
    /// Seconds since the host started.
    pub uptime: u64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for HostStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("AllocDirStats", &self.alloc_dir_stats)?;
        keys.write("CPU", &self.cpu)?;
        keys.write("CPUTicksConsumed", &self.cpu_ticks_consumed)?;
        keys.write("DeviceStats", &self.device_stats)?;
        keys.write("DiskStats", &self.disk_stats)?;
        keys.write("Memory", &self.memory)?;
        keys.write("Timestamp", &self.timestamp)?;
        keys.write("Uptime", &self.uptime)?;
        keys.end()
    }
}

/// One CPU since the sample before, in percent, in [`HostStats`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostCpuStats {
    /// Name, `cpu0` and so on.
    #[serde(rename = "CPU", default)]
    pub cpu: String,
    /// Percent idle.
    #[serde(default)]
    pub idle: f64,
    /// Percent in the kernel.
    #[serde(default)]
    pub system: f64,
    /// Percent busy, under the name it had up to 1.3.
    #[serde(default)]
    pub total: Option<f64>,
    /// Percent busy; not sent up to 1.3.
    #[serde(default)]
    pub total_percent: Option<f64>,
    /// The busy share of the CPU's clock, in MHz; not sent up to 1.3.
    #[serde(default)]
    pub total_ticks: Option<f64>,
    /// Percent in user space.
    #[serde(default)]
    pub user: f64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl HostCpuStats {
    /// Percent busy, whatever the version calls it.
    #[must_use]
    pub fn busy_percent(&self) -> Option<f64> {
        self.total_percent.or(self.total)
    }
}

impl Default for HostCpuStats {
    fn default() -> Self {
        Self {
            cpu: String::new(),
            idle: 0.0,
            system: 0.0,
            total: None,
            total_percent: Some(0.0),
            total_ticks: Some(0.0),
            user: 0.0,
            other: UnknownFields::default(),
        }
    }
}

impl Serialize for HostCpuStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("CPU", &self.cpu)?;
        keys.write("Idle", &self.idle)?;
        keys.write("System", &self.system)?;
        keys.write_some("Total", self.total.as_ref())?;
        keys.write_some("TotalPercent", self.total_percent.as_ref())?;
        keys.write_some("TotalTicks", self.total_ticks.as_ref())?;
        keys.write("User", &self.user)?;
        keys.end()
    }
}

/// Memory of a host, in bytes, in [`HostStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostMemoryStats {
    /// What programs could still get.
    pub available: u64,
    /// What holds nothing, not even a cache.
    pub free: u64,
    /// All of it.
    pub total: u64,
    /// What programs use.
    pub used: u64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for HostMemoryStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Available", &self.available)?;
        keys.write("Free", &self.free)?;
        keys.write("Total", &self.total)?;
        keys.write("Used", &self.used)?;
        keys.end()
    }
}

/// One file system, in [`HostStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostDiskStats {
    /// Bytes an unprivileged user may still fill.
    pub available: u64,
    /// Device file, such as `/dev/vda1`.
    pub device: String,
    /// Inodes in use, in percent.
    pub inodes_used_percent: f64,
    /// Where it is mounted.
    pub mountpoint: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes in use, in percent of those that can be filled.
    pub used_percent: f64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for HostDiskStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Available", &self.available)?;
        keys.write("Device", &self.device)?;
        keys.write("InodesUsedPercent", &self.inodes_used_percent)?;
        keys.write("Mountpoint", &self.mountpoint)?;
        keys.write("Size", &self.size)?;
        keys.write("Used", &self.used)?;
        keys.write("UsedPercent", &self.used_percent)?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn a_cpu_prints_the_keys_of_2_0() {
        let wire = to_json(&HostCpuStats::default(), Layout::Compact).unwrap();
        let expected =
            r#"{"CPU":"","Idle":0.0,"System":0.0,"TotalPercent":0.0,"TotalTicks":0.0,"User":0.0}"#;
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }

    #[test]
    fn an_older_cpu_keeps_its_own_keys() {
        let wire = r#"{"CPU":"cpu0","Idle":99.0,"System":0.5,"Total":1.0,"User":0.5}"#;
        let cpu: HostCpuStats = serde_json::from_str(wire).unwrap();
        assert_eq!(cpu.busy_percent(), Some(1.0));
        assert_eq!(to_json(&cpu, Layout::Compact).unwrap(), wire.as_bytes());
    }
}
