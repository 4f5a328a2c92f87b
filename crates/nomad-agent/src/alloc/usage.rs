//! The resource usage of an allocation's processes, measured on request.
//!
//! Percentages are of one CPU since the previous request, or since the process started if there was none. Nomad
//! samples every second instead; here an idle agent does no work.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use jiff::{SignedDuration, Timestamp};
use nomad_wire::client::{AllocStats, CpuStats, MemoryStats, ResourceUsage, TaskStats};
use rustix::param::{clock_ticks_per_second, page_size};

use crate::process::{self, Process};

/// Requests that follow each other faster get the same response. The kernel counts CPU time in ticks of 10 ms, so a
/// percentage over less than this is mostly noise.
const MIN_INTERVAL: SignedDuration = SignedDuration::from_millis(100);

/// The samples of one allocation.
#[derive(Debug)]
pub(super) struct AllocUsage {
    /// The speed of one CPU of this host, in MHz.
    megahertz: f64,
    tasks: BTreeMap<String, TaskSample>,
}

/// The last sample of one task.
#[derive(Debug, Default)]
struct TaskSample {
    at: Timestamp,
    stats: TaskStats,
    processes: BTreeMap<u32, Process>,
}

impl AllocUsage {
    pub(super) fn new() -> Self {
        Self { megahertz: megahertz(), tasks: BTreeMap::new() }
    }

    /// Measures `running`, pairs of a task and the leader of its processes, at the time `now`. Tasks that no longer
    /// run are shown with their last measurement. With `only`, no other task is shown.
    pub(super) fn measure<'a>(
        &mut self,
        running: impl IntoIterator<Item = (&'a str, u32)>,
        only: Option<&str>,
        now: Timestamp,
    ) -> io::Result<AllocStats> {
        let shown = |name: &str| only.is_none_or(|only| only == name);
        let mut sum = ResourceUsage { device_stats: Some(Vec::new()), ..ResourceUsage::default() };
        let mut timestamp = 0;
        for (name, leader) in running.into_iter().filter(|(name, _)| shown(name)) {
            let sampled = self.tasks.entry(name.to_owned()).or_default();
            if sampled.processes.is_empty() || now.duration_since(sampled.at) >= MIN_INTERVAL {
                sampled.update(process::process_tree(leader)?, self.megahertz, now)?;
            }
            add(&mut sum, &sampled.stats.resource_usage);
            timestamp = timestamp.max(sampled.stats.timestamp);
        }
        let tasks = self.tasks.iter().filter(|(name, _)| shown(name));
        let tasks = tasks.map(|(name, sampled)| (name.clone(), sampled.stats.clone())).collect();
        Ok(AllocStats { resource_usage: sum, tasks, timestamp, ..AllocStats::default() })
    }
}

impl TaskSample {
    fn update(
        &mut self,
        processes: BTreeMap<u32, Process>,
        megahertz: f64,
        now: Timestamp,
    ) -> io::Result<()> {
        let ticks = clock_ticks_per_second();
        let uptime = uptime()?;
        let mut sum = ResourceUsage::default();
        let mut pids = BTreeMap::new();
        for process in processes.values() {
            let before = self
                .processes
                .get(&process.pid)
                .filter(|before| before.start_time == process.start_time);
            let seconds = match before {
                Some(_) => now.duration_since(self.at).as_secs_f64(),
                None => uptime - process.start_time as f64 / ticks as f64,
            };
            let share = |now: u64, before: u64| percent(now.saturating_sub(before), ticks, seconds);
            let user = share(process.user, before.map_or(0, |before| before.user));
            let system = share(process.system, before.map_or(0, |before| before.system));
            let usage = ResourceUsage {
                memory_stats: memory(process),
                cpu_stats: cpu(user, system, megahertz),
                ..ResourceUsage::default()
            };
            add(&mut sum, &usage);
            pids.insert(process.pid.to_string(), usage);
        }
        let timestamp = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        self.stats =
            TaskStats { resource_usage: sum, timestamp, pids: Some(pids), ..TaskStats::default() };
        self.processes = processes;
        self.at = now;
        Ok(())
    }
}

/// Ticks as percent of one CPU; 0 when no time has passed.
fn percent(ticks: u64, per_second: u64, seconds: f64) -> f64 {
    let percent = ticks as f64 / per_second as f64 / seconds * 100.0;
    if percent.is_finite() && percent > 0.0 { percent } else { 0.0 }
}

fn memory(process: &Process) -> MemoryStats {
    MemoryStats {
        rss: process.resident * page_size() as u64,
        swap: process::swap_bytes(process.pid),
        measured: Some(["RSS", "Swap"].map(str::to_owned).to_vec()),
        ..MemoryStats::default()
    }
}

fn cpu(user: f64, system: f64, megahertz: f64) -> CpuStats {
    let percent = user + system;
    CpuStats {
        system_mode: system,
        user_mode: user,
        total_ticks: percent / 100.0 * megahertz,
        percent,
        measured: Some(["System Mode", "User Mode", "Percent"].map(str::to_owned).to_vec()),
        ..CpuStats::default()
    }
}

/// Adds a measurement, and takes over its field names.
fn add(sum: &mut ResourceUsage, one: &ResourceUsage) {
    sum.memory_stats.rss += one.memory_stats.rss;
    sum.memory_stats.swap += one.memory_stats.swap;
    sum.memory_stats.measured.clone_from(&one.memory_stats.measured);
    sum.cpu_stats.system_mode += one.cpu_stats.system_mode;
    sum.cpu_stats.user_mode += one.cpu_stats.user_mode;
    sum.cpu_stats.total_ticks += one.cpu_stats.total_ticks;
    sum.cpu_stats.percent += one.cpu_stats.percent;
    sum.cpu_stats.measured.clone_from(&one.cpu_stats.measured);
}

/// Seconds since the boot.
fn uptime() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/uptime")?;
    let seconds = text.split_ascii_whitespace().next().and_then(|seconds| seconds.parse().ok());
    seconds.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/uptime has no number"))
}

/// The speed of the first CPU; 0 if the kernel does not report it.
fn megahertz() -> f64 {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("cpu MHz"));
    line.and_then(|line| line.split_once(':')?.1.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(user: u64, system: u64) -> Process {
        let own =
            process::process_tree(rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs())
                .unwrap();
        Process { user, system, ..own[&std::process::id()] }
    }

    #[test]
    fn percentages_are_between_two_samples() {
        let hz = clock_ticks_per_second();
        let mut sampled = TaskSample::default();
        let own = std::process::id();
        let first = Timestamp::from_second(1000).unwrap();
        sampled.update([(own, process(0, 0))].into(), 2000.0, first).unwrap();
        let second = Timestamp::from_second(1002).unwrap();
        sampled.update([(own, process(hz, hz / 2))].into(), 2000.0, second).unwrap();
        let usage = &sampled.stats.resource_usage;
        let cpu = &usage.cpu_stats;
        assert_eq!((cpu.user_mode, cpu.system_mode, cpu.percent), (50.0, 25.0, 75.0));
        assert_eq!(cpu.total_ticks, 1500.0);
        assert!(usage.memory_stats.rss > 0);
        assert_eq!(sampled.stats.timestamp, 1_002_000_000_000);
        let keys: Vec<_> =
            sampled.stats.pids.iter().flatten().map(|(pid, _)| pid.clone()).collect();
        assert_eq!(keys, [own.to_string()]);
    }

    #[test]
    fn no_time_is_no_use() {
        assert_eq!([percent(5, 100, 0.0), percent(0, 100, 0.0), percent(5, 100, -1.0)], [0.0; 3]);
    }

    #[test]
    fn what_ended_stays_as_it_was_and_does_not_count() {
        let mut usage = AllocUsage::new();
        let group = rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs();
        let now = Timestamp::from_second(1000).unwrap();
        let running = usage.measure([("web", group)], None, now).unwrap();
        assert_eq!(
            running.resource_usage.memory_stats,
            running.tasks["web"].resource_usage.memory_stats
        );
        assert_eq!(running.timestamp, now.as_nanosecond() as i64);
        let ended = usage.measure([], None, now).unwrap();
        assert_eq!(ended.tasks, running.tasks);
        assert_eq!((ended.timestamp, ended.resource_usage.memory_stats.rss), (0, 0));
        assert_eq!(ended.resource_usage.device_stats, Some(Vec::new()));
        assert!(usage.measure([("web", group)], Some("other"), now).unwrap().tasks.is_empty());
    }
}
