//! What is refused before a handler is asked: paths, methods, roles, rights.

use nomad_acl::AclDisabled;
use nomad_agent::{Role, standalone};

use crate::support::{alone, ask, fleet, get, get_as, request};

#[tokio::test]
async fn unknown_paths_are_not_found_without_a_word() {
    let agent = alone(Role::Both).await;
    for path in ["/v1/agent", "/v1/agent/", "/v1/agent/foo", "/v1/agent/self/", "/v1", "/x"] {
        let answer = get(&agent, path).await;
        assert_eq!(answer.refusal(), (404, ""), "{path}");
        assert!(!answer.headers.contains_key("content-type"));
    }
}

#[tokio::test]
async fn the_role_is_complained_about_before_the_method() {
    let [server, _, client] = fleet().await;
    let invalid = "Invalid method";
    for (agent, method, path, refusal) in [
        (&server, "POST", "/v1/agent/members", (405, invalid)),
        (&server, "HEAD", "/v1/agent/self", (405, invalid)),
        (&server, "OPTIONS", "/v1/agent/health", (405, invalid)),
        (&server, "GET", "/v1/agent/servers", (501, invalid)),
        (&server, "DELETE", "/v1/agent/servers", (501, invalid)),
        (&client, "DELETE", "/v1/agent/servers", (405, invalid)),
        (&client, "PUT", "/v1/agent/join", (501, invalid)),
        (&client, "PUT", "/v1/agent/force-leave", (501, invalid)),
        (&client, "GET", "/v1/agent/keyring/list", (501, invalid)),
        (&client, "GET", "/v1/agent/schedulers", (400, "Server only endpoint")),
        (&client, "FOO", "/v1/agent/schedulers", (400, "Server only endpoint")),
        (&server, "FOO", "/v1/agent/schedulers", (405, invalid)),
    ] {
        let answer = ask(standalone(agent.clone(), AclDisabled), request(method, path)).await;
        assert_eq!(answer.refusal(), refusal, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let agent = alone(Role::Both).await;
    for (method, path) in [
        ("PUT", "/v1/agent/join?address=127.0.0.1"),
        ("PUT", "/v1/agent/servers?address=127.0.0.1"),
        ("PUT", "/v1/agent/force-leave?node=foo"),
        ("GET", "/v1/agent/monitor/export"),
        ("GET", "/v1/agent/pprof/cmdline"),
        ("GET", "/v1/agent/schedulers"),
        ("GET", "/v1/agent/keyring/list"),
        ("PUT", "/v1/agent/reload"),
    ] {
        let answer = ask(standalone(agent.clone(), AclDisabled), request(method, path)).await;
        let (status, text) = answer.refusal();
        assert_eq!(status, 501, "{path}: {text}");
        assert!(text.ends_with("is not served by this agent yet"), "{path}: {text}");
    }
}

#[tokio::test]
async fn with_acls_the_token_decides() {
    let agent = alone(Role::Both).await;
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
    let agent = alone(Role::Server).await;
    let answer = get_as(&agent, "", "/v1/agent/servers").await;
    assert_eq!(answer.refusal(), (501, "Invalid method"));
    let answer = get_as(&agent, "", "/v1/agent/monitor?log_level=loud").await;
    assert_eq!(answer.refusal(), (400, "Unknown log level: loud"));
    let answer = get_as(&agent, "", "/v1/agent/members?index=x").await;
    assert_eq!(answer.refusal(), (400, "Invalid index"));
}
