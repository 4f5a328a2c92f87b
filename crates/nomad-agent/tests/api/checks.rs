//! `/v1/client/allocation/:id/checks`: real connections and real scripts.

use std::time::Duration;

use nomad_agent::{Check, CheckType};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    fixture::{AllocFixture, SOON, run_web_to_end, shell, start_tasks},
    support::get,
};

fn frequent_check(name: &str, probe: CheckType) -> Check {
    Check::new(name, "shop", probe).with_interval(Duration::from_millis(10)).with_timeout(SOON)
}

/// Waits until no check is pending any more, and returns the results by name.
async fn wait_for_results(stage: &AllocFixture) -> Vec<Value> {
    let settled = async {
        loop {
            let checks = stage.send("GET", "checks", "").await.json();
            let checks: Vec<_> = checks.as_object().unwrap().clone().into_iter().collect();
            assert!(checks.iter().all(|(id, check)| check["ID"] == *id && id.len() == 32));
            let mut checks: Vec<_> = checks.into_iter().map(|(_, check)| check).collect();
            if checks.iter().all(|check| check["Status"] != "pending") {
                checks.sort_by_key(|check| check["Check"].to_string());
                return checks;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, settled).await.unwrap()
}

/// A server that responds with `status` to every request.
async fn serve_status(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 1024];
            drop(socket.read(&mut head).await);
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
            drop(socket.write_all(answer.as_bytes()).await);
        }
    });
    port
}

#[tokio::test]
async fn nothing_to_check_is_null() {
    let stage = run_web_to_end("true").await;
    assert_eq!(stage.send("GET", "checks", "").await.text, "null");
    let unknown = "d3e34248-4843-be75-d4fd-4899975cfb38";
    let answer = get(&stage.agent, &format!("/v1/client/allocation/{unknown}/checks")).await;
    let text = format!("Unknown allocation \"{unknown}\"");
    assert_eq!(answer.refusal(), (404, text.as_str()));
}

#[tokio::test]
async fn every_kind_of_check_tells_success_from_failure() {
    // A port that was free a moment ago, so that no process listens on it.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (well, ill) =
        (serve_status("204 No Content").await, serve_status("503 Service Unavailable").await);
    let page = |port| CheckType::Http { port, path: "/health".to_owned() };
    let script = |script: &str| CheckType::Script {
        command: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
    };
    let task = shell("web", "sleep 600")
        .check(frequent_check("a tcp", CheckType::Tcp { port: well }))
        .check(frequent_check("b tcp", CheckType::Tcp { port: closed }))
        .check(frequent_check("c http", page(well)))
        .check(frequent_check("d http", page(ill)))
        .check(frequent_check("e script", script("echo $NOMAD_TASK_NAME is fine")))
        .check(frequent_check("f script", script("echo ill; exit 2")))
        .check(
            frequent_check("g script", script("sleep 600")).with_timeout(Duration::from_millis(20)),
        );
    let stage = start_tasks(vec![task]).await;
    let checks = wait_for_results(&stage).await;
    let seen: Vec<_> = checks
        .iter()
        .map(|check| (check["Status"].as_str().unwrap(), check["StatusCode"].as_i64().unwrap()))
        .collect();
    let (success, failure) = ("success", "failure");
    let expected = [
        (success, 0),
        (failure, 0),
        (success, 204),
        (failure, 503),
        (success, 0),
        (failure, 0),
        (failure, 0),
    ];
    assert_eq!(seen, expected, "{checks:#?}");
    assert_eq!(checks[0]["Output"], "nomad: tcp ok");
    assert_eq!(checks[3]["Output"], "body");
    assert_eq!(checks[4]["Output"], "web is fine\n");
    for (key, value) in
        [("Mode", "healthiness"), ("Group", "site.front[0]"), ("Task", "web"), ("Service", "shop")]
    {
        assert_eq!(checks[0][key], value);
    }
    assert!(checks[0]["Timestamp"].as_i64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn a_check_of_a_task_that_never_ran_is_pending() {
    let task = nomad_agent::TaskSpec::new("web", "/does/not/exist")
        .check(frequent_check("tcp", CheckType::Tcp { port: 1 }));
    let stage = start_tasks(vec![task]).await;
    stage.alloc.task("web").unwrap().wait_for(|_| false).await;
    let checks = stage.send("GET", "checks", "").await.json();
    let check = checks.as_object().unwrap().values().next().unwrap();
    assert_eq!(
        (&check["Status"], &check["Output"]),
        (&"pending".into(), &"nomad: waiting to run".into())
    );
}
