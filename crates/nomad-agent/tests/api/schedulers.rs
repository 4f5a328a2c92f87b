//! `/v1/agent/schedulers` and `/v1/agent/schedulers/config`

use std::num::NonZero;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use nomad_acl::AclDisabled;
use nomad_agent::{Agent, Role, standalone};
use serde_json::json;

use crate::support::{
    TestResponse, get, request, send_request, send_request_as, start_alone, start_cluster,
};

const CONFIG: &str = "/v1/agent/schedulers/config";

fn with_body(method: &str, body: &impl ToString) -> Request<Full<Bytes>> {
    request(method, CONFIG).map(|_| Full::new(Bytes::from(body.to_string())))
}

async fn set(agent: &Agent, body: &impl ToString) -> TestResponse {
    send_request(standalone(agent.clone(), AclDisabled), with_body("PUT", body)).await
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

#[tokio::test]
async fn there_are_as_many_workers_as_configured() {
    let agent = start_alone(Role::Both).await;
    let config = get(&agent, CONFIG).await.json();
    let everything = json!(["service", "batch", "system", "sysbatch", "_core"]);
    let expected = json!({
        "enabled_schedulers": everything, "num_schedulers": processors(), "server_id": "agent1.global",
    });
    assert_eq!(config, expected);
    let workers = get(&agent, "/v1/agent/schedulers").await.json();
    assert_eq!(workers["server_id"], "agent1.global");
    let workers = workers["schedulers"].as_array().unwrap().clone();
    assert_eq!(workers.len(), processors());
    for worker in workers {
        assert_eq!(worker["enabled_schedulers"], everything);
        assert_eq!(worker["id"].as_str().unwrap().len(), 36);
        assert!(worker["started"].as_str().unwrap().ends_with('Z'), "{worker}");
        assert_eq!(
            (&worker["status"], &worker["workload_status"]),
            (&json!("Started"), &json!("WaitingToDequeue"))
        );
    }
}

#[tokio::test]
async fn the_pool_is_resized_and_says_what_it_is_then() {
    let agent = start_alone(Role::Server).await;
    let half = processors() / 2;
    // Keys in any case, unknown ones ignored, as Go reads them.
    let wanted =
        json!({"Num_Schedulers": half, "enabled_schedulers": ["_core", "batch"], "server_id": "x"});
    for method in ["PUT", "POST"] {
        let answer =
            send_request(standalone(agent.clone(), AclDisabled), with_body(method, &wanted)).await;
        let expected = json!({
            "enabled_schedulers": ["_core", "batch"], "num_schedulers": half, "server_id": "agent1.global",
        });
        assert_eq!(answer.json(), expected);
        assert_eq!(get(&agent, CONFIG).await.json(), expected);
    }
    let workers = get(&agent, "/v1/agent/schedulers").await.json();
    assert_eq!(workers["schedulers"].as_array().unwrap().len(), half);

    // A list that has the previous one as its prefix is a change here.
    let longer =
        json!({"num_schedulers": half, "enabled_schedulers": ["_core", "batch", "system"]});
    let answer = set(&agent, &longer).await.json();
    assert_eq!(answer["enabled_schedulers"], json!(["_core", "batch", "system"]));
    let none =
        set(&agent, &json!({"num_schedulers": 0, "enabled_schedulers": ["_core"]})).await.json();
    assert_eq!(none["num_schedulers"], 0);
    assert_eq!(get(&agent, "/v1/agent/schedulers").await.json()["schedulers"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let agent = start_alone(Role::Server).await;
    let before = get(&agent, CONFIG).await.json();
    let core = |workers: i64| json!({"num_schedulers": workers, "enabled_schedulers": ["_core"]});
    for (body, text) in [
        (String::new(), "Invalid request: Request body is empty"),
        (core(-1).to_string(), "Invalid request"),
        (core(i64::MAX).to_string(), "Invalid request"),
        (
            json!({"num_schedulers": 1, "enabled_schedulers": ["batch"]}).to_string(),
            "Invalid request",
        ),
        (
            json!({"num_schedulers": 1, "enabled_schedulers": ["_core", "cron"]}).to_string(),
            "Invalid request",
        ),
        ("{}".to_owned(), "Invalid request"),
        ("null".to_owned(), "Invalid request"),
    ] {
        assert_eq!(set(&agent, &body).await.refusal(), (400, text), "{body}");
    }
    for broken in
        ["{", "[]", r#"{"num_schedulers": "one"}"#, r#"{"num_schedulers": 99999999999999999999}"#]
    {
        let answer = set(&agent, &broken).await;
        let (status, text) = answer.refusal();
        assert!(status == 400 && text.starts_with("Invalid request: "), "{broken}: {text}");
    }
    assert_eq!(get(&agent, CONFIG).await.json(), before);
}

#[tokio::test]
async fn rights_come_after_the_method_and_before_the_body() {
    let agent = start_alone(Role::Server).await;
    let list = "/v1/agent/schedulers";
    for (token, allowed) in [
        ("", false),
        ("node-write", false),
        ("unknown", false),
        ("agent-read", true),
        ("management", true),
    ] {
        for path in [list, CONFIG] {
            let answer = send_request_as(&agent, token, request("GET", path)).await;
            assert_eq!(answer.status == 200, allowed, "{token} {path}");
            if !allowed {
                assert_eq!(answer.refusal(), (403, "Permission denied"));
            }
            let answer = send_request_as(&agent, token, request("FOO", path)).await;
            assert_eq!(answer.refusal(), (405, "Invalid method"));
        }
    }
    let good = json!({"num_schedulers": 1, "enabled_schedulers": ["_core"]});
    for method in ["PUT", "POST"] {
        for token in ["", "agent-read", "node-write"] {
            let answer = send_request_as(&agent, token, with_body(method, &"broken")).await;
            assert_eq!(answer.refusal(), (403, "Permission denied"), "{token}");
        }
        for token in ["agent-write", "management"] {
            assert_eq!(
                send_request_as(&agent, token, with_body(method, &good)).await.json()["num_schedulers"],
                1
            );
        }
    }
}

#[tokio::test]
async fn only_servers_have_schedulers() {
    let [_, _, client] = start_cluster().await;
    for method in ["GET", "POST", "PUT", "FOO"] {
        for path in ["/v1/agent/schedulers", CONFIG] {
            let answer =
                send_request(standalone(client.clone(), AclDisabled), request(method, path)).await;
            assert_eq!(answer.refusal(), (400, "Server only endpoint"), "{method} {path}");
        }
    }
}
