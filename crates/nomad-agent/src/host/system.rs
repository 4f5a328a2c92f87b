//! The machine that this process runs on.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use nomad_wire::{
    agent::{Environment, HostData, HostDisk},
    client::{HostCpuStats, HostDiskStats, HostMemoryStats, HostStats},
    json::lossy_string,
};
use rustix::system::uname;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, Networks, RefreshKind, System};

use super::{
    HostSource,
    address::Address,
    cpu::{self, CoreTimes},
    mounts::{self, DiskUsage},
};
use crate::files::go_error_text;

const MIB: u64 = 1024 * 1024;

/// The machine that this process runs on, with an allocation directory on one of its disks.
#[derive(Debug)]
pub struct SystemHost {
    alloc_dir: PathBuf,
    /// The counters of the cores at the previous sample.
    previous: Mutex<Vec<CoreTimes>>,
}

impl SystemHost {
    /// This machine. `alloc_dir` need not exist yet; its statistics are zero until it does.
    #[must_use]
    pub fn new(alloc_dir: impl Into<PathBuf>) -> Self {
        Self { alloc_dir: alloc_dir.into(), previous: Mutex::default() }
    }

    fn cores(&self, megahertz: &[u64]) -> Vec<HostCpuStats> {
        let now = cpu::read();
        let mut earlier = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = now.iter().enumerate().map(|(at, core)| {
            let share = core.since(earlier.get(at).copied().unwrap_or_default());
            let speed = megahertz.get(at).copied().unwrap_or(0) as f64;
            HostCpuStats {
                cpu: format!("cpu{at}"),
                user: share.user,
                system: share.system,
                idle: share.idle,
                total_percent: Some(share.busy),
                total_ticks: Some(share.busy / 100.0 * speed),
                ..HostCpuStats::default()
            }
        });
        let stats = stats.collect();
        *earlier = now;
        stats
    }
}

impl HostSource for SystemHost {
    fn facts(&self) -> HostData {
        HostData {
            disk: disks(),
            environment: environment().redacted(),
            hosts: file_or_error("/etc/hosts"),
            network: networks(),
            os: operating_system(),
            resolv_conf: file_or_error("/etc/resolv.conf"),
            ..HostData::default()
        }
    }

    fn stats(&self) -> HostStats {
        let (memory, megahertz) = memory_and_speed();
        let cpu = self.cores(&megahertz);
        HostStats {
            cpu_ticks_consumed: cpu.iter().filter_map(|core| core.total_ticks).sum(),
            cpu,
            memory,
            alloc_dir_stats: mounts::usage(&self.alloc_dir)
                .map(|usage| disk_stats(String::new(), String::new(), usage))
                .unwrap_or_default(),
            disk_stats: all_disk_stats(),
            timestamp: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
            uptime: System::uptime().unwrap_or(0),
            ..HostStats::default()
        }
    }
}

/// Machine, node name, release, system and version, in Nomad's order.
fn operating_system() -> String {
    let uname = uname();
    let parts =
        [uname.machine(), uname.nodename(), uname.release(), uname.sysname(), uname.version()];
    parts.map(|part| lossy_string(part.to_bytes())).join(" ")
}

/// Every address of every interface, loopback first, the rest by interface name.
fn networks() -> Option<Vec<BTreeMap<String, String>>> {
    let networks = match Networks::new_with_refreshed_list() {
        Ok(networks) => networks,
        Err(error) => return Some(vec![BTreeMap::from([("error".into(), error.to_string())])]),
    };
    let mut found: Vec<_> = networks
        .iter()
        .flat_map(|(name, data)| data.ip_networks().iter().map(move |net| (name, net)))
        .map(|(name, net)| (!net.addr.is_loopback(), name, net.addr, net.prefix))
        .collect();
    found.sort();
    let addresses: Vec<_> =
        found.into_iter().map(|(_, _, ip, prefix)| Address { ip, prefix }.describe()).collect();
    (!addresses.is_empty()).then_some(addresses)
}

fn environment() -> Environment {
    let shown = |part: std::ffi::OsString| lossy_string(part.as_encoded_bytes());
    Environment(env::vars_os().map(|(key, value)| (shown(key), shown(value))).collect())
}

fn file_or_error(path: &str) -> String {
    match fs::read(path) {
        Ok(bytes) => lossy_string(&bytes),
        Err(error) => format!("open {path}: {}", go_error_text(&error)),
    }
}

fn disks() -> BTreeMap<String, HostDisk> {
    let mounts = mounts::physical().into_iter();
    mounts
        .filter_map(|mount| {
            let usage = mounts::usage(Path::new(&mount.point))?;
            let disk = HostDisk {
                disk_mb: mebibytes(usage.size),
                used_mb: mebibytes(usage.size.saturating_sub(usage.available)),
                ..HostDisk::default()
            };
            Some((mount.point, disk))
        })
        .collect()
}

fn mebibytes(bytes: u64) -> i64 {
    i64::try_from(bytes / MIB).unwrap_or(i64::MAX)
}

fn all_disk_stats() -> Option<Vec<HostDiskStats>> {
    let disks: Vec<_> = mounts::physical()
        .into_iter()
        .filter_map(|mount| {
            let usage = mounts::usage(Path::new(&mount.point))?;
            Some(disk_stats(mount.device, mount.point, usage))
        })
        .collect();
    (!disks.is_empty()).then_some(disks)
}

fn disk_stats(device: String, mountpoint: String, usage: DiskUsage) -> HostDiskStats {
    HostDiskStats {
        device,
        mountpoint,
        size: usage.size,
        used: usage.used,
        available: usage.available,
        used_percent: usage.used_percent,
        inodes_used_percent: usage.inodes_used_percent,
        ..HostDiskStats::default()
    }
}

/// Memory, and the clock of each core in MHz; zero where the system does not report it.
fn memory_and_speed() -> (HostMemoryStats, Vec<u64>) {
    let wanted = RefreshKind::nothing()
        .with_memory(MemoryRefreshKind::nothing().with_ram())
        .with_cpu(CpuRefreshKind::nothing().with_frequency());
    let Ok(system) = System::new_with_specifics(wanted) else {
        return (HostMemoryStats::default(), Vec::new());
    };
    let memory = HostMemoryStats {
        total: system.total_memory(),
        available: system.available_memory(),
        free: system.free_memory(),
        used: system.used_memory(),
        ..HostMemoryStats::default()
    };
    (memory, system.cpus().iter().map(sysinfo::Cpu::frequency).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_all_the_facts() {
        let facts = SystemHost::new("/").facts();
        assert!(facts.os.contains("Linux"), "{}", facts.os);
        assert!(!facts.hosts.is_empty() && !facts.resolv_conf.is_empty());
        assert!(!facts.environment.0.is_empty());
        let networks = facts.network.unwrap();
        assert!(networks.iter().any(|net| net["address"] == "127.0.0.1" && net["type"] == "IPv4"));
    }

    #[test]
    fn this_host_has_figures_that_add_up() {
        let node = SystemHost::new("/");
        node.stats();
        let stats = node.stats();
        assert!(!stats.cpu.is_empty());
        assert_eq!(stats.cpu[0].cpu, "cpu0");
        for core in &stats.cpu {
            assert!((core.idle + core.total_percent.unwrap() - 100.0).abs() < 1e-6, "{core:?}");
        }
        assert!(stats.memory.total >= stats.memory.available && stats.memory.available > 0);
        assert!(stats.alloc_dir_stats.size > 0 && stats.alloc_dir_stats.device.is_empty());
        assert!(stats.uptime > 0 && stats.timestamp > 0);
    }

    #[test]
    fn a_missing_file_is_said_in_its_place() {
        let said = file_or_error("/no/such/file");
        assert_eq!(said, "open /no/such/file: no such file or directory");
    }

    #[test]
    fn a_missing_allocation_directory_is_zero_and_no_error() {
        let stats = SystemHost::new("/no/such/directory").stats();
        assert_eq!(stats.alloc_dir_stats, HostDiskStats::default());
    }
}
