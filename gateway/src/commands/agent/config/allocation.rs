//! `allocation "name" { … }`: what the client part runs. Nomad has no such block; its jobs come from a server.

use std::{collections::BTreeSet, num::NonZeroUsize, time::Duration};

use nomad_agent::{LogLimits, RestartPolicy, Role, TaskSpec};
use nomad_wire::{AllocId, Namespace};

use crate::config::Section;

/// Nomad's time between the request to end and the end by force.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Nomad's pause before a program is started again.
const RESTART_DELAY: Duration = Duration::from_secs(15);

/// The unit of `max_file_size`, as in Nomad.
const MEGABYTE: u64 = 1024 * 1024;

/// One allocation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AllocationSettings {
    /// Its name in the configuration, by which its id is kept.
    pub name: String,
    /// Its id, if it is written.
    pub id: Option<AllocId>,
    /// The namespace it belongs to.
    pub namespace: Namespace,
    /// The job it is part of; the name unless said otherwise.
    pub job: String,
    /// The task group; the name unless said otherwise.
    pub group: String,
    /// What it runs.
    pub tasks: Vec<TaskSpec>,
}

pub(super) fn parse_allocations(top: &Section<'_>, role: Option<Role>) -> Vec<AllocationSettings> {
    let written = top.labelled("allocation");
    if !written.is_empty() && role == Some(Role::Server) {
        top.report("allocation", "only a client runs allocations (client.enabled)");
    }
    let mut ids = BTreeSet::new();
    let one = |(name, section): (String, Section<'_>)| {
        let allocation = parse_allocation(name, &section);
        if allocation.id.as_ref().is_some_and(|id| !ids.insert(id.to_string())) {
            section.report("id", "another allocation has this id");
        }
        allocation
    };
    written.into_iter().map(one).collect()
}

fn parse_allocation(name: String, section: &Section<'_>) -> AllocationSettings {
    if !is_file_name(&name) {
        section.report("id", "the name of an allocation must be letters, digits, '-', '_' or '.'");
    }
    let tasks: Vec<_> =
        section.labelled("task").into_iter().map(|(name, task)| parse_task(name, &task)).collect();
    if tasks.is_empty() {
        section.report("task", "an allocation needs a task");
    }
    let namespace =
        section.string("namespace").map(|namespace| Namespace::from(namespace.as_str()));
    AllocationSettings {
        id: section.parse("id"),
        namespace: namespace.unwrap_or_default(),
        job: section.string("job").unwrap_or_else(|| name.clone()),
        group: section.string("group").unwrap_or_else(|| name.clone()),
        tasks,
        name,
    }
}

fn parse_task(name: String, section: &Section<'_>) -> TaskSpec {
    // The directory of the shared files has the name `alloc` in every allocation.
    if !is_file_name(&name) || name == "alloc" {
        section.report(
            "command",
            "a task needs another name: letters, digits, '-', '_' or '.', and not alloc",
        );
    }
    let command = section.string("command").unwrap_or_else(|| {
        section.report("command", "must be set");
        String::new()
    });
    let mut task = TaskSpec::new(name, command).args(section.string_list("args"));
    task.env = section.string_map("env");
    task.restart = parse_restart(&section.block("restart"));
    task.logs = parse_log_limits(&section.block("logs"));
    task.kill_timeout = section.duration("kill_timeout").unwrap_or(KILL_TIMEOUT);
    task
}

fn parse_restart(section: &Section<'_>) -> RestartPolicy {
    let delay = section.duration("delay").unwrap_or(RESTART_DELAY);
    match section.number("attempts").unwrap_or(0) {
        0 => RestartPolicy::Never,
        attempts => RestartPolicy::Again { attempts, delay },
    }
}

fn parse_log_limits(section: &Section<'_>) -> LogLimits {
    let mut limits = LogLimits::default();
    if let Some(files) = section.number::<NonZeroUsize>("max_files") {
        limits.max_files = files;
    }
    match section.number::<u64>("max_file_size").map(|size| size.checked_mul(MEGABYTE)) {
        None => {}
        Some(Some(size)) if size > 0 => limits.max_file_size = size,
        Some(_) => section.report("max_file_size", "must be a number of megabytes, at least 1"),
    }
    limits
}

fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(is_plain)
}
