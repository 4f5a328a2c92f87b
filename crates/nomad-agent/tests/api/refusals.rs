//! Requests that are refused before a handler runs: paths, methods, roles, capabilities.

use nomad_acl::AclDisabled;
use nomad_agent::{Role, standalone};

use crate::support::{get, get_as, request, send_request, start_alone, start_cluster};

#[tokio::test]
async fn unknown_paths_are_not_found_without_a_word() {
    let agent = start_alone(Role::Both).await;
    for path in ["/v1/agent", "/v1/agent/", "/v1/agent/foo", "/v1/agent/self/", "/v1", "/x"] {
        let answer = get(&agent, path).await;
        assert_eq!(answer.refusal(), (404, ""), "{path}");
        assert!(!answer.headers.contains_key("content-type"));
    }
}

#[tokio::test]
async fn a_missing_role_and_a_wrong_method_have_their_order() {
    let [server, _, client] = start_cluster().await;
    let invalid = "Invalid method";
    for (agent, method, path, refusal) in [
        (&server, "POST", "/v1/agent/members", (405, invalid)),
        // A HEAD has no body on the wire.
        (&server, "HEAD", "/v1/agent/self", (405, "")),
        (&server, "OPTIONS", "/v1/agent/health", (405, invalid)),
        (&server, "GET", "/v1/agent/servers", (501, invalid)),
        (&server, "DELETE", "/v1/agent/servers", (405, invalid)),
        (&client, "GET", "/v1/agent/join", (405, invalid)),
        (&client, "PATCH", "/v1/agent/force-leave", (405, invalid)),
        (&client, "GET", "/v1/agent/keyring/nothing", (501, invalid)),
        (&server, "GET", "/v1/agent/keyring/nothing", (404, "resource not found")),
        (&client, "DELETE", "/v1/agent/servers", (405, invalid)),
        (&client, "PUT", "/v1/agent/join", (501, invalid)),
        (&client, "PUT", "/v1/agent/force-leave", (501, invalid)),
        (&client, "GET", "/v1/agent/keyring/list", (501, invalid)),
        (&client, "GET", "/v1/agent/schedulers", (400, "Server only endpoint")),
        (&client, "FOO", "/v1/agent/schedulers", (400, "Server only endpoint")),
        (&server, "FOO", "/v1/agent/schedulers", (405, invalid)),
    ] {
        let answer =
            send_request(standalone(agent.clone(), AclDisabled), request(method, path)).await;
        assert_eq!(answer.refusal(), refusal, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let agent = start_alone(Role::Both).await;
    for (method, path) in [("GET", "/v1/jobs"), ("PUT", "/v1/node/x/drain")] {
        let answer =
            send_request(standalone(agent.clone(), AclDisabled), request(method, path)).await;
        let (status, text) = answer.refusal();
        assert_eq!(status, 501, "{path}: {text}");
        assert!(text.ends_with("is not served by this agent yet"), "{path}: {text}");
    }
}

#[tokio::test]
async fn with_acls_the_token_decides() {
    let agent = start_alone(Role::Both).await;
    for path in ["self", "members", "servers", "host", "monitor"] {
        let path = format!("/v1/agent/{path}");
        for (token, refusal) in [
            ("", (403, "Permission denied")),
            ("unknown", (403, "Permission denied")),
            ("gone", (403, "ACL token expired")),
        ] {
            let answer = get_as(&agent, token, &path).await;
            assert_eq!(answer.refusal(), refusal, "{path} {token}");
        }
    }
    for path in ["agent/self", "agent/members", "agent/servers", "agent/host", "client/stats"] {
        get_as(&agent, "management", &format!("/v1/{path}")).await.json();
    }
    let answer = get_as(&agent, "", "/v1/client/stats").await;
    assert_eq!(answer.refusal(), (403, "Permission denied"));
}

#[tokio::test]
async fn some_faults_come_before_the_token() {
    let agent = start_alone(Role::Server).await;
    for token in ["", "unknown"] {
        let answer = get_as(&agent, token, "/v1/agent/servers").await;
        assert_eq!(answer.refusal(), (501, "Invalid method"));
        let answer = get_as(&agent, token, "/v1/client/stats").await;
        assert_eq!(answer.refusal(), (400, "No local Node and node_id not provided"));
    }
    let answer = get_as(&agent, "", "/v1/agent/monitor?log_level=loud").await;
    assert_eq!(answer.refusal(), (400, "Unknown log level: loud"));
    for path in ["members?", "monitor?", "monitor/export?on_disk=1&", "pprof/cmdline?"] {
        let answer = get_as(&agent, "", &format!("/v1/agent/{path}index=x")).await;
        assert_eq!(answer.refusal(), (400, "Invalid index"), "{path}");
    }
}
