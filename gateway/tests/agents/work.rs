//! What a lone client runs, and how it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;

use crate::process::{Process, program, wait_until};

const SOON: Duration = Duration::from_secs(10);

const ALLOCATIONS: &str = r#"
allocation "web" {
  namespace = "apps"
  job       = "site"

  task "main" {
    command      = "/bin/sh"
    args         = ["-c", "echo hello $WHO; exec sleep 600"]
    kill_timeout = "300ms"
    env {
      WHO = "world"
    }
    logs {
      max_files     = 2
      max_file_size = 1
    }
  }
}

allocation "fixed" {
  id = "13651909-dd6d-35ce-5da0-5004769668b3"

  task "again" {
    command = "/bin/sh"
    args    = ["-c", "echo once more"]
    restart {
      attempts = 1
      delay    = "10ms"
    }
  }
}
"#;

fn write_config(dir: &Path, log_level: &str) {
    let text = format!(
        "name = \"both1\"\nlog_level = \"{log_level}\"\nlog_file = {:?}\nlog_json = true\ndata_dir = {:?}\n\
         server {{\n  enabled = true\n}}\nclient {{\n  enabled = true\n  meta {{\n    rack = \"r1\"\n  }}\n}}\n\
         ports {{\n  http = 0\n  rpc = 0\n  serf = 0\n}}\n{ALLOCATIONS}",
        dir.join("agent.log"),
        dir.join("data"),
    );
    fs::write(dir.join("agent.hcl"), text).unwrap();
}

fn start(dir: &Path) -> Process {
    Process::start(program(&["--config"]).arg(dir.join("agent.hcl")))
}

fn log_of(agent: &Process, alloc: &str, task: &str) -> String {
    agent.get(&format!("/v1/client/fs/logs/{alloc}?task={task}&type=stdout&plain=true")).text
}

#[test]
fn tasks_run_keep_their_ids_and_end_with_the_agent() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), "info");
    let mut agent = start(dir.path());
    let kept = dir.path().join("data/client/alloc-ids/web");
    let web = fs::read_to_string(&kept).unwrap();
    wait_until(SOON, "the task has written", || {
        log_of(&agent, &web, "main").ends_with("hello world\n")
    });
    let fixed = "13651909-dd6d-35ce-5da0-5004769668b3";
    wait_until(SOON, "the task ran twice", || {
        log_of(&agent, fixed, "again").matches("once more\n").count() == 2
    });
    assert!(has_processes(dir.path()));
    agent.signal(Signal::INT);
    assert!(agent.wait_exit().success());
    assert!(!has_processes(dir.path()), "a task outlived the agent");

    let again = start(dir.path());
    assert_eq!(fs::read_to_string(&kept).unwrap(), web);
    wait_until(SOON, "it runs again under the same id", || {
        log_of(&again, &web, "main").matches("hello").count() == 2
    });
}

#[test]
fn a_task_ends_with_an_agent_that_was_killed_and_runs_once_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), "info");
    let mut agent = start(dir.path());
    let web = fs::read_to_string(dir.path().join("data/client/alloc-ids/web")).unwrap();
    let said = |agent: &Process, times: usize| {
        wait_until(SOON, "the task has written", || {
            log_of(agent, &web, "main").matches("hello world\n").count() == times
        });
    };
    said(&agent, 1);
    agent.signal(Signal::KILL);
    assert!(!agent.wait_exit().success());
    wait_until(SOON, "nothing is left of the task", || !has_processes(dir.path()));
    let again = start(dir.path());
    said(&again, 2);
    // The other allocation's task comes and goes.
    assert_eq!(process_dirs(dir.path()).iter().filter(|folder| has_part(folder, &web)).count(), 1);
}

#[test]
fn a_hang_up_reloads_the_log_level() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), "error");
    let agent = start(dir.path());
    let log = || fs::read_to_string(dir.path().join("agent.log")).unwrap();
    agent.get("/v1/agent/health");
    assert_eq!(log(), "");
    write_config(dir.path(), "debug");
    agent.signal(Signal::HUP);
    wait_until(SOON, "requests are in the log", || {
        agent.get("/v1/agent/health");
        log().contains("request complete")
    });
    assert!(log().lines().all(|line| line.starts_with("{\"@level\":")), "{}", log());
    // A configuration with faults changes nothing.
    fs::write(dir.path().join("agent.hcl"), "log_level = ").unwrap();
    agent.signal(Signal::HUP);
    assert_eq!(agent.get("/v1/agent/health").status, 200);
}

/// Whether any process works below a directory.
fn has_processes(dir: &Path) -> bool {
    !process_dirs(dir).is_empty()
}

/// Where below a directory processes work.
fn process_dirs(dir: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let folders = processes.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok());
    folders.filter(|folder| folder.starts_with(dir)).collect()
}

fn has_part(path: &Path, part: &str) -> bool {
    path.iter().any(|name| name == part)
}
