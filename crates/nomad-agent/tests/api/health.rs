//! `GET /v1/agent/health`

use nomad_agent::{MemberStatus, Role, Roster};

use crate::support::{get, get_as, start, start_alone, start_cluster};

const BOTH_OK: &str =
    r#"{"client":{"message":"ok","ok":true},"server":{"message":"ok","ok":true}}"#;

#[tokio::test]
async fn it_says_exactly_what_was_asked() {
    let agent = start_alone(Role::Both).await;
    let client = r#"{"client":{"message":"ok","ok":true}}"#;
    let server = r#"{"server":{"message":"ok","ok":true}}"#;
    for (query, body) in [
        ("", BOTH_OK),
        ("?type=client", client),
        ("?type=server", server),
        ("?type=client&type=server", BOTH_OK),
        ("?type=foo", "{}"),
        ("?type=", "{}"),
    ] {
        let answer = get(&agent, &format!("/v1/agent/health{query}")).await;
        answer.json();
        assert_eq!(answer.text, body, "{query}");
        // With ACLs enabled no token is needed, and an invalid one does no harm.
        for token in ["", "unknown", "gone"] {
            let guarded = get_as(&agent, token, &format!("/v1/agent/health{query}")).await;
            assert_eq!((guarded.status.as_u16(), guarded.text.as_str()), (200, body));
        }
    }
}

#[tokio::test]
async fn a_role_that_is_missing_is_unhealthy_only_when_asked_for() {
    let [server, _, client] = start_cluster().await;
    get(&client, "/v1/agent/health").await.json();
    get(&server, "/v1/agent/health").await.json();
    let answer = get(&client, "/v1/agent/health?type=server").await;
    let body = r#"{"server":{"ok":false,"message":"server not enabled"}}"#;
    assert_eq!(answer.refusal(), (500, body));
    let answer = get(&server, "/v1/agent/health?type=client").await;
    let body = r#"{"client":{"ok":false,"message":"client not enabled"}}"#;
    assert_eq!(answer.refusal(), (500, body));
}

#[tokio::test]
async fn a_client_without_servers_and_servers_without_a_leader() {
    let client = start_alone(Role::Client).await;
    let body = r#"{"client":{"ok":false,"message":"no known servers"}}"#;
    assert_eq!(get(&client, "/v1/agent/health").await.refusal(), (500, body));

    let roster = std::sync::Arc::new(Roster::new());
    let config = nomad_agent::AgentConfig::new("server1", Role::Server);
    let server = start(config, &roster).await;
    for (region, message) in
        [("stale=false", "ok"), ("region=nowhere", "No path to region"), ("region=global", "ok")]
    {
        let answer = get(&server, &format!("/v1/agent/health?{region}")).await;
        assert!(answer.text.contains(message), "{answer:?}");
    }
    roster.set_status("server1.global", MemberStatus::Failed);
    for (query, message) in [("", "No cluster leader"), ("?stale", "no leader")] {
        let answer = get(&server, &format!("/v1/agent/health{query}")).await;
        let body = format!(r#"{{"server":{{"ok":false,"message":"{message}"}}}}"#);
        assert_eq!(answer.refusal(), (500, body.as_str()));
    }
}

#[tokio::test]
async fn common_parameters_are_checked() {
    let agent = start_alone(Role::Server).await;
    for (query, text) in [
        ("stale=random", "Expect `true` or `false` for `stale` query string parameter"),
        ("wait=60foo", "Invalid wait time"),
        ("index=foo", "Invalid index"),
    ] {
        let answer = get(&agent, &format!("/v1/agent/health?{query}")).await;
        assert_eq!(answer.refusal(), (400, text));
    }
}
