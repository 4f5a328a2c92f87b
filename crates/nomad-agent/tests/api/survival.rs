//! Allocations outlive their agent in its data directory.

use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use nomad_agent::{
    Agent, AgentConfig, Allocation, LogLimits, Phase, RestartPolicy, Role, Roster, TaskSpec,
};

use crate::{
    fixture::{ALLOC, SOON, alloc, shell},
    support::{get, start},
};

async fn agent(dir: &Path) -> Agent {
    let config =
        AgentConfig { data_dir: Some(dir.to_owned()), ..AgentConfig::new("client1", Role::Client) };
    start(config, &Arc::new(Roster::new())).await
}

fn restored_allocation(agent: &Agent) -> Arc<Allocation> {
    agent.allocations().unwrap().get(ALLOC).unwrap()
}

async fn log(agent: &Agent, task: &str, wanted: &str) -> String {
    let path = format!("/v1/client/fs/logs/{ALLOC}?task={task}&type=stdout&plain=true");
    let seen = async {
        loop {
            let log = get(agent, &path).await.text;
            if log.ends_with(wanted) {
                return log;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, seen).await.unwrap()
}

fn state_file(dir: &Path) -> std::path::PathBuf {
    dir.join("client/state").join(format!("{ALLOC}.json"))
}

/// Waits until the persisted state contains this.
async fn wait_for_line(dir: &Path, what: &str) {
    let persisted = async {
        while !std::fs::read_to_string(state_file(dir)).unwrap_or_default().contains(what) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, persisted).await.unwrap();
}

fn beat(name: &str) -> TaskSpec {
    shell(name, "echo up; exec sleep 600")
}

#[tokio::test]
async fn what_ran_runs_again_and_what_was_dead_stays_dead() {
    let dir = tempfile::tempdir().unwrap();
    let first = agent(dir.path()).await;
    let tasks = vec![beat("web"), shell("once", "echo only once; exit 3")];
    let one = first.run(alloc(tasks)).unwrap();
    one.task("once").unwrap().wait_for(|_| false).await;
    log(&first, "web", "up\n").await;
    let pid = one.task("web").unwrap().state().pid.unwrap();
    first.allocations().unwrap().stop_all().await;
    assert!(!Path::new("/proc").join(pid.to_string()).exists());
    drop((first, one));

    let second = agent(dir.path()).await;
    let two = restored_allocation(&second);
    assert_eq!((two.namespace().as_str(), two.name()), ("apps", "site.front[0]".to_owned()));
    let web = two.task("web").unwrap();
    let state = web.wait_for(|state| state.phase == Phase::Running).await;
    assert_eq!((state.phase, state.restarts), (Phase::Running, 1));
    assert_eq!(log(&second, "web", "up\nup\n").await, "up\nup\n", "the log goes on");
    let once = two.task("once").unwrap().state();
    assert_eq!((once.phase, once.exit_code), (Phase::Dead, Some(3)));
    assert!(once.started.is_some() && once.finished.is_some());
    assert_eq!(log(&second, "once", "\n").await, "only once\n");
}

#[tokio::test]
async fn an_agent_that_was_killed_leaves_as_much_as_one_that_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let first = agent(dir.path()).await;
    let one = first.run(alloc(vec![beat("web")])).unwrap();
    log(&first, "web", "up\n").await;
    wait_for_line(dir.path(), r#""started":"2"#).await;
    // The agent is dropped without a shutdown.
    drop((first, one));
    let second = agent(dir.path()).await;
    assert_eq!(log(&second, "web", "up\nup\n").await, "up\nup\n");
}

#[tokio::test]
async fn an_allocation_that_was_stopped_for_good_is_only_inspected() {
    let dir = tempfile::tempdir().unwrap();
    let first = agent(dir.path()).await;
    let one = first.run(alloc(vec![beat("web")])).unwrap();
    log(&first, "web", "up\n").await;
    one.stop().await;
    wait_for_line(dir.path(), r#""dead":true"#).await;
    first.allocations().unwrap().stop_all().await;
    drop((first, one));
    let second = agent(dir.path()).await;
    assert_eq!(restored_allocation(&second).task("web").unwrap().state().phase, Phase::Dead);
    assert_eq!(log(&second, "web", "up\n").await, "up\n");
    assert_eq!(get(&second, "/v1/client/gc").await.status, 200);
    assert!(!state_file(dir.path()).exists());
    drop(second);
    let third = agent(dir.path()).await;
    assert!(third.allocations().unwrap().all().is_empty());
}

#[tokio::test]
async fn logs_go_on_in_the_highest_file() {
    let dir = tempfile::tempdir().unwrap();
    let first = agent(dir.path()).await;
    let mut task = shell("web", "for n in 1 2 3 4 5; do echo line $n; done; exec sleep 600");
    task.logs = LogLimits { max_files: NonZeroUsize::new(3).unwrap(), max_file_size: 14 };
    task.restart = RestartPolicy::Again { attempts: 5, delay: Duration::ZERO };
    let one = first.run(alloc(vec![task.clone()])).unwrap();
    log(&first, "web", "line 5\n").await;
    first.allocations().unwrap().stop_all().await;
    let logs = one.directory().logs();
    drop((first, one));
    let files = || {
        let names = std::fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| name.starts_with("web.stdout."));
        names.sort();
        names
    };
    assert_eq!(files(), ["web.stdout.0", "web.stdout.1", "web.stdout.2"]);
    let second = agent(dir.path()).await;
    let turned = async {
        while files() != ["web.stdout.2", "web.stdout.3", "web.stdout.4"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, turned).await.unwrap();
    let lines = "line 5\nline 1\nline 2\nline 3\nline 4\nline 5\n";
    assert_eq!(log(&second, "web", "line 4\nline 5\n").await, lines);
    // The specification is restored unchanged.
    assert_eq!(*restored_allocation(&second).task("web").unwrap().spec(), task);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_stands_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let first = agent(dir.path()).await;
    let one = first.run(alloc(vec![shell("web", "echo bye")])).unwrap();
    one.task("web").unwrap().wait_for(|_| false).await;
    first.allocations().unwrap().stop_all().await;
    drop((first, one));
    let broken = dir.path().join("client/state/broken.json");
    std::fs::write(&broken, "{").unwrap();
    std::fs::write(dir.path().join("client/state/.half.json.new"), "{").unwrap();
    let second = agent(dir.path()).await;
    assert_eq!(second.allocations().unwrap().all().len(), 1);
    assert_eq!(std::fs::read_to_string(broken).unwrap(), "{");
}
