//! Mounted disks and their usage.

use std::{fs, path::Path};

use rustix::fs::{StatVfs, statvfs};

/// File systems that hold no user data, whatever the kernel reports.
const IGNORED_FILE_SYSTEMS: [&str; 18] = [
    "autofs",
    "binfmt_misc",
    "cgroup",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "fuse.lxcfs",
    "hugetlbfs",
    "mqueue",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "sysfs",
    "tmpfs",
    "vboxsf",
    "ptyfs",
];

/// A mounted disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) device: String,
    pub(super) point: String,
}

/// The usage of a file system, in bytes and in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct DiskUsage {
    pub(super) size: u64,
    pub(super) used: u64,
    /// Available to users other than root.
    pub(super) available: u64,
    pub(super) used_percent: f64,
    pub(super) inodes_used_percent: f64,
}

/// The mounted disks of this host, in mount order.
#[cfg(target_os = "linux")]
pub(super) fn physical() -> Vec<Mount> {
    let kinds = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    parse(&kinds, &mounts)
}

/// The mounted disks of this host.
#[cfg(not(target_os = "linux"))]
pub(super) fn physical() -> Vec<Mount> {
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let list = disks.as_ref().map(|disks| disks.list()).unwrap_or_default();
    list.iter()
        .map(|disk| Mount {
            device: disk.name().to_string_lossy().into_owned(),
            point: disk.mount_point().to_string_lossy().into_owned(),
        })
        .collect()
}

/// The usage of the file system at `path`; `None` if it is unavailable.
pub(super) fn usage(path: &Path) -> Option<DiskUsage> {
    statvfs(path).ok().map(|stat| DiskUsage::from_stat(&stat))
}

impl DiskUsage {
    fn from_stat(stat: &StatVfs) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
        let available = bytes(stat.f_bavail);
        Self {
            size: bytes(stat.f_blocks),
            used,
            available,
            used_percent: percent(used, used.saturating_add(available)),
            inodes_used_percent: percent(stat.f_files.saturating_sub(stat.f_ffree), stat.f_files),
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

/// Parses `/proc/filesystems` and `/proc/self/mountinfo`. A disk is what is on a device: the kernel marks every
/// other kind `nodev`; zfs is marked so although it has disks.
#[cfg(any(target_os = "linux", test))]
fn parse(kinds: &str, mounts: &str) -> Vec<Mount> {
    let on_device: Vec<&str> = kinds
        .lines()
        .filter_map(|line| match line.split_once('\t') {
            Some(("", kind)) => Some(kind.trim()),
            Some((_, kind)) if kind.trim() == "zfs" => Some("zfs"),
            Some(_) | None => None,
        })
        .collect();
    mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?;
            let mut right = right.split(' ');
            let (kind, device) = (right.next()?, right.next()?);
            let is_disk = on_device.contains(&kind)
                && !IGNORED_FILE_SYSTEMS.contains(&kind)
                && device != "none";
            is_disk.then(|| Mount { device: unescape(device), point: unescape(point) })
        })
        .collect()
}

/// The kernel escapes blanks in paths as `\040`, and others likewise.
#[cfg(any(target_os = "linux", test))]
fn unescape(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(path.to_owned(), |path, (code, blank)| path.replace(code, blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_told_from_the_rest() {
        let kinds = "nodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\nnodev\tzfs\n\text4\n\txfs\n";
        let mounts = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 25 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw
31 27 0:30 / /merged rw - overlay overlay rw
32 27 8:1 / /mnt/my\\040disk rw shared:1 - xfs /dev/sdb1 rw
33 27 0:40 / /tank rw - zfs tank rw
34 27 0:41 / /odd rw - ext4 none rw
broken line
";
        let disks = parse(kinds, mounts);
        let shown: Vec<_> = disks.iter().map(|m| (m.device.as_str(), m.point.as_str())).collect();
        assert_eq!(shown, [("/dev/vda", "/"), ("/dev/sdb1", "/mnt/my disk"), ("tank", "/tank")]);
    }

    #[test]
    fn the_root_has_a_size() {
        let usage = usage(Path::new("/")).unwrap();
        assert!(usage.size > 0 && usage.used > 0);
        assert!(usage.used + usage.available <= usage.size);
        assert!((0.0..=100.0).contains(&usage.used_percent));
    }
}
