//! Who may not list agents cannot guess them.

use std::future::{Ready, ready};

use nomad_acl::{Acl, LookupOptions, Policy, RegionalAcl, Tokens, TokensError};
use nomad_wire::SecretId;

use crate::{
    cluster::{Cluster, NODES, SERVERS, TOKEN},
    discovery::{Nomad, directory},
    relay::ask_as,
};

/// Every caller has these rules.
#[derive(Clone)]
pub(crate) struct Rules(&'static str);

impl Tokens for Rules {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        let policy: Policy = self.0.parse().unwrap();
        ready(Ok(RegionalAcl::valid_everywhere(Acl::compile([("held", &policy)]))))
    }
}

pub(crate) const NOBODY: Rules = Rules("");
const AGENT: Rules = Rules("agent { policy = \"write\" }");

async fn watched() -> (Cluster, Nomad) {
    let cluster = Cluster::start(Some(TOKEN)).await;
    let (nomad, mut watch) = directory(&cluster, Some(TOKEN));
    watch.initial_refresh().await;
    cluster.asked.lock().unwrap().clear();
    (cluster, nomad)
}

#[tokio::test]
async fn the_beginning_of_an_id_tells_who_may_not_list_nodes_nothing() {
    let (cluster, nomad) = watched().await;
    let unknown = "node lookup failed: index error: UUID must be 36 characters";
    for (rules, call) in
        [(NOBODY, "health"), (AGENT, "health"), (AGENT, "self"), (AGENT, "pprof/cmdline")]
    {
        // One node, two nodes, no node.
        for written in ["9bb1", "9bb", "ffff", "9bb118cc-7630-ebf4"] {
            let path = format!("/v1/agent/{call}?node_id={written}");
            let answer = ask_as(&nomad, rules.clone(), "GET", &path).await;
            assert_eq!(answer, (500, String::new(), String::new(), unknown.into()), "{path}");
        }
    }
    assert!(cluster.asked("/v1/").is_empty(), "nobody is asked, so that time tells nothing");
    // A full id and a full name will do, and tell no more than they say.
    for written in ["client1", NODES[0]] {
        let path = format!("/v1/agent/health?node_id={written}");
        let (status, way, agent, _) = ask_as(&nomad, NOBODY, "GET", &path).await;
        assert_eq!((status, &*way, &*agent), (200, "direct", ""), "{written}");
    }
    let reader = Rules("node { policy = \"read\" }");
    let (status, _, agent, _) =
        ask_as(&nomad, reader.clone(), "GET", "/v1/agent/health?node_id=9bb1").await;
    assert_eq!((status, &*agent), (200, "client1"));
    let (status, .., body) = ask_as(&nomad, reader, "GET", "/v1/agent/health?node_id=9bb").await;
    assert_eq!((status, &*body), (400, "\"9bb\" names 2 nodes; give more of the id"));
}

#[tokio::test]
async fn two_nodes_of_one_name_are_none_to_who_may_not_list_them() {
    let cluster = Cluster::start(Some(TOKEN)).await;
    cluster.state.send_modify(|state| {
        for node in std::sync::Arc::make_mut(&mut state.nodes) {
            node.1 = "twin".into();
        }
    });
    let (nomad, mut watch) = directory(&cluster, Some(TOKEN));
    watch.initial_refresh().await;
    let of = async |written: &str| {
        ask_as(&nomad, NOBODY, "GET", &format!("/v1/agent/health?node_id={written}")).await
    };
    assert_eq!(of("twin").await, of("nobody").await);
}

#[tokio::test]
async fn a_servers_bare_name_and_its_name_in_headers_are_for_who_may_list_servers() {
    let (_cluster, nomad) = watched().await;
    let of = async |rules: Rules, query: &str| {
        ask_as(&nomad, rules, "GET", &format!("/v1/agent/health{query}")).await
    };
    for written in ["server1", "server9"] {
        let (status, way, agent, body) = of(NOBODY, &format!("?server_id={written}")).await;
        assert_eq!((status, &*way, &*agent), (400, "", ""));
        assert_eq!(body, format!("unknown Nomad server {written}"));
    }
    for query in ["?server_id=server1.global", &format!("?server_id={}", SERVERS[0]), ""] {
        let (status, _, agent, _) = of(NOBODY, query).await;
        assert_eq!((status, &*agent), (200, ""), "{query}");
    }
    let (status, _, agent, _) = of(AGENT, "?server_id=server1").await;
    assert_eq!((status, &*agent), (200, "server1.global"));
}

#[tokio::test]
async fn a_refused_call_asks_nobody_where_its_agent_is() {
    let (cluster, nomad) = watched().await;
    for path in [
        format!("/v1/agent/self?node_id={}", NODES[0]),
        format!("/v1/client/stats?node_id={}", NODES[0]),
        "/v1/agent/self?node_id=9bb".into(),
        "/v1/agent/host?server_id=server9".into(),
        "/v1/agent/members?region=mars&server_id=leader".into(),
        "/v1/agent/servers".into(),
    ] {
        let (status, way, agent, body) = ask_as(&nomad, NOBODY, "GET", &path).await;
        let said = (status, &*way, &*agent, &*body);
        assert_eq!(said, (403, "", "", "Permission denied"), "{path}");
    }
    assert!(cluster.asked("/v1/").is_empty());
}
