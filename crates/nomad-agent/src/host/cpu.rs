//! Usage of each core since the previous sample.

/// The kernel's counters of one core since boot, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CoreTimes {
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) idle: u64,
    pub(super) total: u64,
}

/// Usage of one core between two samples, in percent of the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CoreUsage {
    pub(super) user: f64,
    pub(super) system: f64,
    pub(super) idle: f64,
    /// Everything but idle.
    pub(super) busy: f64,
}

/// The current counters of each core; empty where the kernel has none.
pub(super) fn read() -> Vec<CoreTimes> {
    parse(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

impl CoreTimes {
    /// Usage since `earlier`; since boot if that is zero.
    ///
    /// Counters that stood still or ran backwards (a core that went offline and came back) read as idle.
    pub(super) fn since(self, earlier: Self) -> CoreUsage {
        let total = self.total.saturating_sub(earlier.total);
        if total == 0 {
            return CoreUsage { user: 0.0, system: 0.0, idle: 100.0, busy: 0.0 };
        }
        let percent = |now: u64, then: u64| now.saturating_sub(then) as f64 / total as f64 * 100.0;
        let idle = percent(self.idle, earlier.idle).min(100.0);
        CoreUsage {
            user: percent(self.user, earlier.user).min(100.0),
            system: percent(self.system, earlier.system).min(100.0),
            idle,
            busy: 100.0 - idle,
        }
    }
}

/// Reads the `cpuN` lines of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal,
/// and then guest times, which are part of user and nice already.
fn parse(stat: &str) -> Vec<CoreTimes> {
    stat.lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "))
        .map(|line| {
            let ticks: Vec<u64> = line
                .split_ascii_whitespace()
                .skip(1)
                .take(8)
                .map(|tick| tick.parse().unwrap_or(0))
                .collect();
            let tick = |at: usize| ticks.get(at).copied().unwrap_or(0);
            CoreTimes { user: tick(0), system: tick(2), idle: tick(3), total: ticks.iter().sum() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_differences() {
        let before = parse("cpu  9 9 9 9\ncpu0 100 0 50 800 50 0 0 0 7 7\nintr 5\n");
        let after = parse("cpu  9 9 9 9\ncpu0 120 0 60 860 60 0 0 0 7 7\nintr 5\n");
        assert_eq!(before, [CoreTimes { user: 100, system: 50, idle: 800, total: 1000 }]);
        let share = after[0].since(before[0]);
        assert_eq!((share.user, share.system, share.idle, share.busy), (20.0, 10.0, 60.0, 40.0));
    }

    proptest! {
        #[test]
        fn shares_stay_within_reason(a: [u32; 8], b: [u32; 8]) {
            let line = |t: [u32; 8]| {
                let ticks: Vec<_> = t.iter().map(u32::to_string).collect();
                parse(&format!("cpu0 {}", ticks.join(" ")))[0]
            };
            let share = line(b).since(line(a));
            for part in [share.user, share.system, share.idle, share.busy] {
                prop_assert!((0.0..=100.0).contains(&part), "{share:?}");
            }
        }
    }
}
