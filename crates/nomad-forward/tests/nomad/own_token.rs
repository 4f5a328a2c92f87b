//! A gateway whose own token tells it nothing: what it does not know it asks with the caller's.

use nomad_acl::AclDeferred;
use nomad_forward::{Directory as _, directory::DiscoveryStatus};

use crate::{
    cluster::{Cluster, TOKEN},
    discovery::{Nomad, directory},
    relay::{ask_as, ask_with},
};

/// In front of a cluster with ACLs, with this token of its own.
async fn blind(own: Option<&str>) -> (Cluster, Nomad) {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let (nomad, mut watch) = directory(&cluster, own);
    watch.initial_refresh().await;
    (cluster, nomad)
}

#[tokio::test]
async fn a_client_that_may_list_agents_finds_all_of_them() {
    for own in [None, Some("null")] {
        let (_cluster, nomad) = blind(own).await;
        for (path, expected) in [
            ("/v1/agent/servers", (200, "pass", "client1")),
            ("/v1/agent/self?node_id=client2", (200, "direct", "client2")),
            ("/v1/agent/monitor?server_id=server2", (200, "direct", "server2.global")),
            ("/v1/agent/monitor?server_id=leader", (200, "direct", "server2.global")),
        ] {
            let (status, way, agent, body) = ask_with(&nomad, TOKEN, "GET", path).await;
            assert_eq!((status, &*way, &*agent), expected, "{own:?} {path} {body}");
        }
        for (path, expected) in [
            ("/v1/agent/host?server_id=server9", 500),
            ("/v1/agent/monitor?server_id=server9", 400),
        ] {
            let (status, _, _, body) = ask_with(&nomad, TOKEN, "GET", path).await;
            assert_eq!((status, &*body), (expected, "unknown Nomad server server9"), "{own:?}");
        }
    }
}

#[tokio::test]
async fn what_the_client_may_not_know_either_a_configured_server_says() {
    for own in [None, Some("null")] {
        let (cluster, nomad) = blind(own).await;
        for path in ["/v1/agent/servers", "/v1/agent/monitor?server_id=server9.global"] {
            let (_, way, agent, _) = ask_with(&nomad, "nobody", "GET", path).await;
            assert!(way == "pass" || way == "relay", "{own:?} {path} {way}");
            assert!(!agent.starts_with("client") && !agent.is_empty(), "{agent}");
        }
        assert!(!cluster.asked("GET /v1/agent/servers").is_empty());
        assert!(!cluster.asked("server_id=server9.global").is_empty());
    }
}

#[tokio::test]
async fn an_upstream_agent_that_refuses_is_not_named_where_the_gateway_could_not_decide() {
    let (_cluster, nomad) = blind(None).await;
    let refused = ask_as(&nomad, AclDeferred, "GET", "/v1/agent/members").await;
    assert_eq!(refused, (403, "pass".into(), String::new(), "Permission denied".into()));
    let (status, _, agent, _) = ask_as(&nomad, AclDeferred, "GET", "/v1/jobs").await;
    assert_eq!(status, 200);
    assert!(!agent.is_empty(), "who is served may know by whom");
}

#[tokio::test]
async fn before_the_first_look_a_configured_server_is_asked() {
    let cluster = Cluster::start(None).await;
    let (nomad, _watch) = directory(&cluster, None);
    assert_eq!(nomad.discovery_status(), DiscoveryStatus::NoResponse);
    for path in ["/v1/agent/servers", "/v1/agent/monitor?server_id=server2"] {
        let (status, _, agent, body) = ask_with(&nomad, "", "GET", path).await;
        assert_eq!(status, 200, "{path} {body}");
        assert!(["client1", "server2.global"].contains(&&*agent), "{agent}");
    }
}

#[tokio::test]
async fn what_the_servers_say_to_the_own_token_is_known() {
    for (own, sight) in [
        (None, DiscoveryStatus::NoToken),
        (Some("null"), DiscoveryStatus::TokenRefused),
        (Some(TOKEN), DiscoveryStatus::Complete),
    ] {
        let (_cluster, nomad) = blind(own).await;
        assert_eq!(nomad.discovery_status(), sight);
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_later_is_logged_and_the_clients_is_used() {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let (nomad, mut watch) = directory(&cluster, Some(TOKEN));
    watch.initial_refresh().await;
    assert_eq!(nomad.discovery_status(), DiscoveryStatus::Complete);
    cluster.state.send_modify(|state| state.token = Some("another"));
    watch.initial_refresh().await;
    assert_eq!(nomad.discovery_status(), DiscoveryStatus::TokenRefused);
    let path = "/v1/agent/monitor?server_id=server2";
    let (status, way, agent, _) = ask_with(&nomad, "another", "GET", path).await;
    assert_eq!((status, &*way, &*agent), (200, "direct", "server2.global"));
}
