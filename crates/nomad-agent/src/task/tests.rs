//! Real processes: their output is stored, and none of them is left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

/// Long enough for a loaded machine; every wait ends at its event.
const SOON: Duration = Duration::from_secs(20);

struct Stage {
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn start(&self, spec: TaskSpec) -> Task {
        let home = TaskEnvironment {
            directory: self.dir.path().to_owned(),
            logs: self.dir.path().to_owned(),
            env: BTreeMap::new(),
        };
        Task::start(spec, home, TaskState::default())
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    /// Waits until the log file has this line.
    async fn line(&self, name: &str, line: &str) -> String {
        let seen = async {
            loop {
                let log = self.log(name);
                if log.lines().any(|found| found.starts_with(line)) {
                    return log;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, seen).await.unwrap()
    }
}

fn shell(script: &str) -> TaskSpec {
    TaskSpec::new("web", "/bin/sh").args(["-c", script])
}

fn exists(pid: &str) -> bool {
    // A zombie that its new parent has not reaped yet is not a running process.
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

async fn gone(pid: &str) {
    let gone = async {
        while exists(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
}

#[tokio::test]
async fn both_streams_are_kept_and_the_exit_code_is_known() {
    let stage = Stage::new();
    let task = stage.start(shell("echo out; echo err >&2; exit 3"));
    let end = task.wait_for(|_| false).await;
    assert_eq!((end.phase, end.exit_code, end.pid), (Phase::Dead, Some(3), None));
    assert_eq!(
        (stage.log("web.stdout.0").as_str(), stage.log("web.stderr.0").as_str()),
        ("out\n", "err\n")
    );
}

#[tokio::test]
async fn a_program_that_does_not_exist_never_starts() {
    let stage = Stage::new();
    let task = stage.start(TaskSpec::new("web", "/does/not/exist"));
    let end = task.wait_for(|_| false).await;
    assert_eq!((end.phase, end.started), (Phase::Dead, None));
}

#[tokio::test]
async fn it_starts_again_as_often_as_it_may() {
    let stage = Stage::new();
    let mut spec = shell("echo again");
    spec.restart = RestartPolicy::Again { attempts: 2, delay: Duration::ZERO };
    let end = stage.start(spec).wait_for(|_| false).await;
    assert_eq!((end.phase, end.restarts), (Phase::Dead, 2));
    assert_eq!(stage.log("web.stdout.0"), "again\nagain\nagain\n");
}

#[tokio::test]
async fn nothing_of_the_agents_environment_leaks() {
    let stage = Stage::new();
    let task = stage.start(shell("env"));
    task.wait_for(|_| false).await;
    let log = stage.log("web.stdout.0");
    assert!(log.contains("PATH=") && !log.contains("CARGO"), "{log}");
}

#[tokio::test]
async fn stopping_ends_the_whole_tree_even_if_it_will_not() {
    let stage = Stage::new();
    // Both the shell and its child ignore SIGINT; only a kill ends them.
    let script = "trap '' INT; (trap '' INT; while :; do sleep 1; done) & echo child $!; wait; while :; do sleep 1; done";
    let mut spec = shell(script);
    spec.kill_timeout = Duration::from_millis(20);
    let task = stage.start(spec);
    let log = stage.line("web.stdout.0", "child").await;
    let leader = task.state().pid.unwrap().to_string();
    let child = log.trim().strip_prefix("child ").unwrap();
    assert!(exists(&leader) && exists(child));
    task.stop().await;
    assert_eq!((task.state().phase, task.state().exit_code), (Phase::Dead, None));
    assert!(!Path::new("/proc").join(leader).exists(), "reaped");
    gone(child).await;
}

#[tokio::test]
async fn who_leaves_the_group_is_ended_all_the_same() {
    let stage = Stage::new();
    // The daemon is in a session of its own, and its parent ends at the first signal.
    let script = "setsid sh -c 'echo child $$; sleep 600' & while :; do sleep 0.01; done";
    let task = stage.start(shell(script));
    let log = stage.line("web.stdout.0", "child").await;
    let child = log.trim().strip_prefix("child ").unwrap();
    task.stop().await;
    gone(child).await;
    let dropped = stage.start(TaskSpec { name: "dropped".into(), ..shell(script) });
    let log = stage.line("dropped.stdout.0", "child").await;
    drop(dropped);
    gone(log.trim().strip_prefix("child ").unwrap()).await;
}

#[tokio::test]
async fn a_task_that_listens_may_say_farewell() {
    let stage = Stage::new();
    let mut spec = shell("trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.01; done");
    spec.kill_timeout = SOON;
    let task = stage.start(spec);
    stage.line("web.stdout.0", "ready").await;
    task.stop().await;
    assert_eq!(task.state().exit_code, Some(0));
    assert_eq!(stage.log("web.stdout.0"), "ready\nbye\n");
}

#[tokio::test]
async fn dropping_a_task_kills_its_tree() {
    let stage = Stage::new();
    let task = stage.start(shell("sleep 600 & echo child $!; wait"));
    let log = stage.line("web.stdout.0", "child").await;
    let leader = task.state().pid.unwrap().to_string();
    drop(task);
    gone(&leader).await;
    gone(log.trim().strip_prefix("child ").unwrap()).await;
}

#[tokio::test]
async fn a_burst_is_kept_whole_over_many_files() {
    let stage = Stage::new();
    let mut spec = shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done");
    spec.logs =
        LogLimits { max_files: std::num::NonZeroUsize::new(1000).unwrap(), max_file_size: 1000 };
    stage.start(spec).wait_for(|_| false).await;
    let mut all = String::new();
    for index in 0.. {
        let part = stage.log(&format!("web.stdout.{index}"));
        if part.is_empty() {
            break;
        }
        all += &part;
    }
    let expected: String = (0..5000).map(|line| format!("line {line}\n")).collect();
    assert_eq!(all, expected);
}
