//! `restart`, `signal` and `gc` of allocations, and `pause`.

use std::time::Duration;

use nomad_agent::{Phase, Role};
use serde_json::json;

use crate::{
    fixture::{ALLOC, UNKNOWN, run_web_to_end, shell, start_tasks, start_web},
    support::{get, get_as, request_with, send, send_request_as, start_alone},
};

const BEAT: &str = "echo up; trap 'echo got USR1' USR1; while :; do sleep 0.01; done";

#[tokio::test]
async fn a_restart_makes_a_new_process_and_goes_on_with_the_log() {
    let stage = start_web(BEAT).await;
    let task = stage.alloc.task("web").unwrap();
    stage.wait_for_line("alloc/logs/web.stdout.0", "up").await;
    let first = task.state().pid.unwrap();
    let answer = stage.send("PUT", "restart", r#"{"taskname":"web","AllocID":"x"}"#).await;
    assert_eq!(answer.json(), json!({"Index": 0}));
    let state = task.state();
    assert_eq!((state.phase, state.restarts), (Phase::Running, 1));
    assert_ne!(state.pid.unwrap(), first);
    assert!(!std::path::Path::new("/proc").join(first.to_string()).exists());
    stage.wait_for_log("web", "up\nup\n").await;
    // Any method is accepted, and without a body it restarts all running tasks.
    stage.send("GET", "restart", "").await.json();
    assert_eq!(task.state().restarts, 2);
    stage.wait_for_log("web", "up\nup\nup\n").await;
    // A task that never started is not among the running ones.
    assert_eq!(stage.alloc.task("ghost").unwrap().state().phase, Phase::Dead);
}

#[tokio::test]
async fn restarts_are_refused_in_nomads_words() {
    let stage = start_web(BEAT).await;
    for (body, text) in [
        (r#"{"TaskName":"nobody"}"#, "Could not find task runner for task: nobody"),
        (r#"{"TaskName":"ghost"}"#, "Task not running"),
        (
            r#"{"TaskName":"web","AllTasks":true}"#,
            "task name cannot be set when restarting all tasks",
        ),
        ("{", "unexpected EOF"),
        ("x", "invalid character 'x' looking for beginning of value"),
    ] {
        let answer = stage.send("PUT", "restart", body).await;
        assert_eq!(answer.refusal(), (500, text), "{body}");
    }
    stage.alloc.stop().await;
    let answer = stage.send("PUT", "restart", "").await;
    assert_eq!(answer.refusal(), (500, "restart of an alloc that should not run"));
}

#[tokio::test]
async fn all_tasks_brings_the_dead_back() {
    let stage =
        start_tasks(vec![shell("web", BEAT), shell("init", "echo done >> local/runs")]).await;
    let init = stage.alloc.task("init").unwrap();
    init.wait_for(|_| false).await;
    stage.alloc.task("web").unwrap().wait_for(|state| state.phase == Phase::Running).await;
    stage.send("PUT", "restart", r#"{"AllTasks":true}"#).await.json();
    init.wait_for(|state| state.restarts == 1 && state.phase == Phase::Dead).await;
    let runs = std::fs::read_to_string(stage.path("init/local/runs")).unwrap();
    assert_eq!(runs, "done\ndone\n");
    assert_eq!(stage.alloc.task("web").unwrap().state().restarts, 1);
}

#[tokio::test]
async fn signals_reach_the_process() {
    let stage = start_tasks(vec![shell("web", BEAT)]).await;
    stage.wait_for_line("alloc/logs/web.stdout.0", "up").await;
    for body in [r#"{"Signal":"SIGUSR1","Task":"web"}"#, r#"{"signal":"SIGUSR1","Task":null}"#] {
        assert_eq!(stage.send("POST", "signal", body).await.json(), json!({"Index": 0}));
    }
    stage.wait_for_line("alloc/logs/web.stdout.0", "got USR1").await;
    stage.send("PUT", "signal", r#"{"Signal":"SIGKILL"}"#).await.json();
    let end = stage.alloc.task("web").unwrap().wait_for(|_| false).await;
    assert_eq!((end.phase, end.exit_code), (Phase::Dead, None));
}

#[tokio::test]
async fn signals_are_refused_in_nomads_words() {
    let stage = start_web(BEAT).await;
    let body = "Failed to decode body: Request body is empty";
    assert_eq!(stage.send("PUT", "signal", "").await.refusal(), (400, body));
    let body = "Failed to decode body: unexpected EOF";
    assert_eq!(stage.send("PUT", "signal", "{").await.refusal(), (400, body));
    assert_eq!(stage.send("GET", "signal", "{}").await.refusal(), (405, "Invalid method"));
    let answer = stage.send("PUT", "signal", r#"{"Signal":"SIGHUP","Task":"nobody"}"#).await;
    assert_eq!(answer.refusal(), (500, "Task not found"));
    let answer = stage.send("PUT", "signal", r#"{"Signal":"SIGNOPE","Task":"web"}"#).await;
    assert_eq!(answer.refusal(), (500, "invalid signal: SIGNOPE"));
    // One of the tasks is dead.
    let answer = stage.send("PUT", "signal", r#"{"Signal":"SIGUSR1"}"#).await;
    let text = "1 error occurred:\n\t* Failed to signal task: ghost, err: Task not running\n\n";
    assert_eq!(answer.refusal(), (500, text));
}

#[tokio::test]
async fn a_task_that_waits_to_be_started_takes_no_signal() {
    let wait = nomad_agent::RestartPolicy::Again { attempts: 1, delay: Duration::from_secs(3600) };
    let stage =
        start_tasks(vec![nomad_agent::TaskSpec::new("web", "/does/not/exist").restart(wait)]).await;
    let answer = stage.send("PUT", "signal", r#"{"Signal":"SIGUSR1"}"#).await;
    assert_eq!(stage.alloc.task("web").unwrap().state().phase, Phase::Pending);
    let text = "1 error occurred:\n\t* Failed to signal task: web, err: Task not running\n\n";
    assert_eq!(answer.refusal(), (500, text));
}

#[tokio::test]
async fn only_what_has_ended_is_collected() {
    let not_eligible = "No such allocation on client, or allocation not eligible for GC";
    let stage = start_web(BEAT).await;
    assert_eq!(stage.send("GET", "gc", "").await.refusal(), (500, not_eligible));
    let answer = get(&stage.agent, "/v1/client/gc").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert!(!answer.headers.contains_key("content-type"));
    assert!(stage.path("alloc").exists() && !stage.alloc.is_collected());

    stage.alloc.stop().await;
    let answer = stage.send("PUT", "gc", "").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert!(!stage.alloc.directory().root().exists());
    assert_eq!(stage.send("PUT", "gc", "").await.refusal(), (500, not_eligible));
    let gone = format!("state for allocation {ALLOC} not found on client");
    for (call, query) in [
        ("logs", "task=web&type=stdout"),
        ("stream", "path=alloc/logs/web.stdout.0"),
        ("cat", "path=alloc/logs/web.stdout.0"),
    ] {
        assert_eq!(stage.get(call, query).await.refusal(), (404, gone.as_str()), "{call}");
    }
    let listed = stage.get("ls", "").await;
    assert_eq!(listed.status, 404, "{}", listed.text);
    assert_eq!(stage.send("GET", "checks", "").await.text, "null");
    stage.send("GET", "stats", "").await.json();
    let answer = stage.send("PUT", "restart", r#"{"AllTasks":true}"#).await;
    assert_eq!(answer.refusal(), (500, "restart of an alloc that should not run"));
}

#[tokio::test]
async fn collecting_all_takes_what_has_ended() {
    let stage = run_web_to_end("echo bye").await;
    let answer = get(&stage.agent, "/v1/client/gc?node_id=").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert!(!stage.alloc.directory().root().exists());
    let gone = format!("state for allocation {ALLOC} not found on client");
    for (call, query) in
        [("logs", "task=web&type=stdout&follow=true"), ("stream", "path=alloc/logs/web.stdout.0")]
    {
        assert_eq!(stage.get(call, query).await.refusal(), (404, gone.as_str()), "{call}");
    }
    let unknown = format!("Unknown node {UNKNOWN}");
    let answer = get(&stage.agent, &format!("/v1/client/gc?node_id={UNKNOWN}")).await;
    assert_eq!(answer.refusal(), (500, unknown.as_str()));
    let server = start_alone(Role::Server).await;
    let answer = get(&server, "/v1/client/gc").await;
    assert_eq!(answer.refusal(), (400, "No local Node and node_id not provided"));
    for token in ["", "node-read", "agent-write"] {
        let answer = get_as(&stage.agent, token, "/v1/client/gc").await;
        assert_eq!(answer.refusal(), (403, "Permission denied"), "{token}");
    }
    for token in ["node-write", "management"] {
        assert_eq!(get_as(&stage.agent, token, "/v1/client/gc").await.refusal(), (200, ""));
    }
}

#[tokio::test]
async fn pausing_is_for_enterprises() {
    let stage = start_web(BEAT).await;
    assert_eq!(stage.send("GET", "pause?task=web", "").await.refusal(), (500, "Enterprise only"));
    let body = r#"{"Task":"web","ScheduleState":"pause"}"#;
    assert_eq!(stage.send("PUT", "pause", body).await.refusal(), (500, "Enterprise only"));
    let body = r#"{"Task":"web","ScheduleState":"sleep"}"#;
    let refused = (400, "Not a valid task schedule state");
    assert_eq!(stage.send("POST", "pause", body).await.refusal(), refused);
    assert_eq!(stage.send("DELETE", "pause", body).await.refusal(), (405, "Invalid method"));
    assert_eq!(stage.alloc.task("web").unwrap().state().phase, Phase::Running);
}

#[tokio::test]
async fn an_unknown_allocation_is_told_whatever_the_role() {
    let text = format!("Unknown allocation \"{UNKNOWN}\"");
    for role in [Role::Client, Role::Server, Role::Both] {
        let agent = start_alone(role).await;
        for (method, call, body) in [
            ("PUT", "restart", ""),
            ("PUT", "gc", ""),
            ("GET", "checks", ""),
            ("GET", "pause", ""),
            ("GET", "stats", ""),
            ("PUT", "signal", r#"{"Signal":"SIGHUP"}"#),
        ] {
            let path = format!("/v1/client/allocation/{UNKNOWN}/{call}");
            let answer = send(&agent, method, &path, body).await;
            assert_eq!(answer.refusal(), (404, text.as_str()), "{role:?} {call}");
            // No token, a token without the capability, and a management token.
            for token in ["", "node-write", "management"] {
                let answer =
                    send_request_as(&agent, token, request_with(method, &path, body)).await;
                assert_eq!(answer.refusal(), (404, text.as_str()), "{call} as {token:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_has_an_end() {
    let stage = start_web(BEAT).await;
    let body = " ".repeat(1024 * 1024 + 1);
    let refused = (413, "http: request body too large");
    assert_eq!(stage.send("PUT", "signal", &body).await.refusal(), refused);
}

#[tokio::test]
async fn a_task_that_waits_for_its_next_start_can_be_hurried() {
    let policy =
        nomad_agent::RestartPolicy::Again { attempts: 3, delay: Duration::from_secs(3600) };
    let stage =
        start_tasks(vec![shell("web", "echo run; exit 7").restart(policy), shell("other", BEAT)])
            .await;
    let task = stage.alloc.task("web").unwrap();
    task.wait_for(|state| state.phase == Phase::Pending && state.exit_code == Some(7)).await;
    let answer = stage.send("PUT", "restart", r#"{"TaskName":"web"}"#).await;
    assert_eq!(answer.refusal(), (500, "Task not running"));
    stage.send("PUT", "restart", r#"{"AllTasks":true}"#).await.json();
    task.wait_for(|state| state.phase == Phase::Pending && state.restarts == 1).await;
    stage.wait_for_log("web", "run\nrun\n").await;
}
