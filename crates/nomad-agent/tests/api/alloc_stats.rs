//! `/v1/client/allocation/:id/stats`, and how an agent's allocations end.

use std::{fs, path::Path};

use nomad_agent::{AllocSpec, AllocStartError, Phase, Role, TaskSpec};
use serde_json::json;

use crate::{
    fixture::{ALLOC, run_web_to_end, start_web},
    support::{get, start_alone},
};

#[tokio::test]
async fn a_running_task_is_measured_with_its_processes() {
    let stage = start_web("sleep 600 & sleep 600").await;
    let leader = stage.alloc.task("web").unwrap().state().pid.unwrap().to_string();
    let path = format!("/v1/client/allocation/{ALLOC}/stats");
    let stats = loop {
        let stats = get(&stage.agent, &path).await.json();
        if stats["Tasks"]["web"]["Pids"].as_object().unwrap().len() == 3 {
            break stats;
        }
        tokio::time::sleep(std::time::Duration::from_millis(110)).await;
    };
    let task = &stats["Tasks"]["web"];
    let sum: u64 = task["Pids"]
        .as_object()
        .unwrap()
        .values()
        .map(|usage| usage["MemoryStats"]["RSS"].as_u64().unwrap())
        .sum();
    assert!(task["Pids"][&leader]["MemoryStats"]["RSS"].as_u64().unwrap() > 0);
    assert_eq!(task["ResourceUsage"]["MemoryStats"]["RSS"], sum);
    assert_eq!(stats["ResourceUsage"]["MemoryStats"]["RSS"], sum);
    assert_eq!(stats["ResourceUsage"]["DeviceStats"], json!([]));
    assert_eq!(
        task["ResourceUsage"]["CpuStats"]["Measured"],
        json!(["System Mode", "User Mode", "Percent"])
    );
    assert_eq!(stats["Timestamp"], task["Timestamp"]);
    let other = get(&stage.agent, &format!("{path}?task=other")).await.json();
    assert_eq!(other["Tasks"], json!({}));
    stage.alloc.stop().await;
    let ended = get(&stage.agent, &path).await.json();
    assert_eq!(
        (&ended["Timestamp"], &ended["ResourceUsage"]["MemoryStats"]["RSS"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn nothing_running_is_zeros() {
    let stage = run_web_to_end("").await;
    let stats = get(&stage.agent, &format!("/v1/client/allocation/{ALLOC}/stats")).await;
    let memory = concat!(
        r#"{"ResourceUsage":{"MemoryStats":{"RSS":0,"Cache":0,"Swap":0,"MappedFile":0,"Usage":0,"#,
        r#""MaxUsage":0,"KernelUsage":0,"KernelMaxUsage":0,"Measured":null}"#,
    );
    assert!(stats.text.starts_with(memory), "{}", stats.text);
    assert!(
        stats.text.ends_with(r#""DeviceStats":[]},"Tasks":{},"Timestamp":0}"#),
        "{}",
        stats.text
    );
}

#[tokio::test]
async fn stopping_all_leaves_no_process() {
    let stage = start_web("sleep 600 & echo $! > local/child; wait").await;
    let child = loop {
        let child = fs::read_to_string(stage.path("web/local/child")).unwrap_or_default();
        if child.ends_with('\n') {
            break child.trim().to_owned();
        }
        tokio::task::yield_now().await;
    };
    let leader = stage.alloc.task("web").unwrap().state().pid.unwrap().to_string();
    stage.agent.allocations().unwrap().stop_all().await;
    assert_eq!(stage.alloc.task("web").unwrap().state().phase, Phase::Dead);
    assert!(!Path::new("/proc").join(leader).exists());
    let stat = Path::new("/proc").join(child).join("stat");
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_agent_runs_what_it_can() {
    let stage = run_web_to_end("").await;
    assert_eq!(
        (stage.alloc.name(), stage.alloc.namespace().as_str()),
        ("site.front[0]".to_owned(), "apps")
    );
    let spec = |id: &str, task: &str| AllocSpec {
        id: id.parse().unwrap(),
        namespace: "apps".into(),
        job: "j".to_owned(),
        group: "g".to_owned(),
        tasks: vec![TaskSpec::new(task, "true")],
    };
    let other = "a7f9154b-97ab-2857-cd12-1311b330f19d";
    assert!(matches!(stage.agent.run(spec(ALLOC, "t")), Err(AllocStartError::DuplicateId(_))));
    assert!(matches!(stage.agent.run(spec(other, "../t")), Err(AllocStartError::Directory { .. })));
    let mut twice = spec(other, "t");
    twice.tasks.extend(twice.tasks.clone());
    assert!(matches!(stage.agent.run(twice), Err(AllocStartError::DuplicateTask(_))));
    let server = start_alone(Role::Server).await;
    assert!(matches!(server.run(spec(other, "t")), Err(AllocStartError::NoClient)));
    let shown = get(&stage.agent, "/v1/agent/self").await.json();
    assert_eq!(shown["stats"]["client"]["num_allocations"], "1");
}
