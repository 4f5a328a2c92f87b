//! Processes, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::io;

/// The resource usage of one process since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// Start time, in clock ticks since the boot. Together with the id it is unique.
    pub(crate) start_time: u64,
    /// Clock ticks in user space.
    pub(crate) user: u64,
    /// Clock ticks in the kernel.
    pub(crate) system: u64,
    /// Resident memory, in pages.
    pub(crate) resident: u64,
}

/// The running processes of the group led by `leader`, and every descendant that left the group, by id.
pub(crate) fn process_tree(leader: u32) -> io::Result<BTreeMap<u32, Process>> {
    let all = all_processes()?;
    let mut tree: BTreeMap<_, _> = all
        .iter()
        .filter(|process| process.group == leader)
        .map(|process| (process.pid, *process))
        .collect();
    loop {
        let known = tree.len();
        let children = all.iter().filter(|process| tree.contains_key(&process.parent)).copied();
        let children: Vec<_> = children.collect();
        tree.extend(children.into_iter().map(|process| (process.pid, process)));
        if tree.len() == known {
            return Ok(tree);
        }
    }
}

/// The process that has this id now.
pub(crate) fn read_process(pid: u32) -> Option<Process> {
    // A process that has ended has no such file.
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Swapped-out memory of the process, in bytes.
pub(crate) fn swap_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSwap:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

fn all_processes() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        all.extend(read_process(pid));
    }
    Ok(all)
}

/// Parses a line of `/proc/<pid>/stat` (proc_pid_stat(5)); `None` for a process that has ended and waits to be
/// reaped.
fn parse(line: &str) -> Option<Process> {
    // The name is in parentheses and may contain anything, parentheses and spaces included.
    let (start, rest) = line.rsplit_once(')')?;
    let pid = start.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    if *fields.first()? == "Z" {
        return None;
    }
    // The manual numbers fields from 1, starting with the id; `fields` starts with the state, number 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        pid,
        parent: u32::try_from(field(4)?).ok()?,
        group: u32::try_from(field(5)?).ok()?,
        user: field(14)?,
        system: field(15)?,
        start_time: field(22)?,
        resident: field(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_behind_any_name() {
        let line = "42 (a) b (c) S 7 40 40 0 -1 4194560 1 2 3 4 55 66 0 0 20 0 1 0 777 8192 99 18446744073709551615";
        let expected = Process {
            pid: 42,
            parent: 7,
            group: 40,
            start_time: 777,
            user: 55,
            system: 66,
            resident: 99,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse(&line.replace(" S ", " Z ")), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_is_in_the_tree_of_its_group() {
        let group = rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs();
        let own = std::process::id();
        assert!(process_tree(group).unwrap()[&own].resident > 0);
    }
}
