//! One fault after the other, and its effect on a client.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, time::timeout};

use crate::{
    agent::Fault,
    client::get,
    cluster::{Cluster, call},
    fleet::{ALLOCS, CLIENTS, NODES},
};

/// Faults before the first byte of the response.
const BEFORE_THE_RESPONSE: [Fault; 5] =
    [Fault::Refuse, Fault::Reset, Fault::HangUp, Fault::HalfHead, Fault::Garbage];

fn stats_path(node: usize) -> String {
    format!("/v1/client/stats?node_id={}", NODES[node])
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_served_while_one_server_is_broken() {
    let cluster = Cluster::start().await;
    for fault in BEFORE_THE_RESPONSE {
        for server in &cluster.servers {
            server.set_fault(fault);
            for n in 0..6 {
                let outcome =
                    call(cluster.gateway, &format!("{fault:?}-{n}"), "GET", "/v1/jobs").await;
                assert_eq!((outcome.status, &*outcome.path), (200, "pass"), "{fault:?}");
                assert_ne!(outcome.done_by, server.name, "{fault:?}");
            }
            server.set_fault(Fault::None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_a_broken_agent_are_served_through_a_server() {
    let cluster = Cluster::start().await;
    let logs = format!("/v1/client/fs/cat/{}?path=a", ALLOCS[0]);
    for fault in BEFORE_THE_RESPONSE {
        cluster.clients[0].set_fault(fault);
        for path in [stats_path(0), logs.clone()] {
            let outcome = call(cluster.gateway, &format!("{fault:?}"), "GET", &path).await;
            let came = (outcome.status, &*outcome.path, &*outcome.done_by);
            assert_eq!(came, (200, "relay", "client1"), "{fault:?} {path}");
        }
        // The other one is unaffected.
        let outcome = call(cluster.gateway, "other", "GET", &stats_path(1)).await;
        assert_eq!((outcome.status, &*outcome.path), (200, "direct"), "{fault:?}");
        cluster.clients[0].set_fault(Fault::None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_carried_out_once_whatever_breaks() {
    let cluster = Cluster::start().await;
    let gc = format!("/v1/client/gc?node_id={}", NODES[0]);
    let restart = format!("/v1/client/allocation/{}/restart", ALLOCS[0]);
    let faults = [Fault::Reset, Fault::HangUp, Fault::HalfHead, Fault::Garbage, Fault::HalfBody];
    for fault in faults {
        let broken = cluster.servers.iter().chain([&cluster.clients[0]]);
        broken.for_each(|agent| agent.set_fault(fault));
        for (method, path) in [("POST", "/v1/jobs"), ("GET", &*gc), ("PUT", &restart)] {
            let name = format!("{fault:?} {method} {path}");
            let outcome = call(cluster.gateway, &name, method, path).await;
            // It was carried out, and the gateway cannot know: the client gets an error, or an incomplete response.
            assert!(
                outcome.status == 502 || !outcome.is_whole || path != "/v1/jobs",
                "{name}: {outcome:?}"
            );
            assert_eq!(cluster.fleet.carried_out_by(&name).len(), 1, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_heard_of_goes_another_way() {
    let cluster = Cluster::start().await;
    for agent in [&cluster.servers[0], &cluster.clients[0]] {
        agent.set_fault(Fault::Refuse);
    }
    for (name, method, path) in [
        ("job", "POST", "/v1/jobs".to_owned()),
        ("gc", "GET", format!("/v1/client/gc?node_id={}", NODES[0])),
    ] {
        let outcome = call(cluster.gateway, name, method, &path).await;
        assert_eq!(outcome.status, 200, "{name}");
        assert_eq!(cluster.fleet.carried_out_by(name).len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_response_is_never_taken_for_a_whole_one() {
    let cluster = Cluster::start().await;
    cluster.clients[0].set_fault(Fault::HalfBody);
    let outcome = call(cluster.gateway, "half", "GET", &stats_path(0)).await;
    assert!(matches!(outcome.status, 0 | 200) && !outcome.is_whole, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_agent_holds_its_own_clients_only() {
    let cluster = Cluster::start().await;
    cluster.clients[0].set_fault(Fault::Stall);
    let path = stats_path(0);
    let stalled = get(cluster.gateway, &path);
    let others = async {
        for n in 0..50 {
            let path = if n % 2 == 0 { stats_path(1) } else { "/v1/jobs".to_owned() };
            assert_eq!(call(cluster.gateway, &format!("{n}"), "GET", &path).await.status, 200);
        }
    };
    tokio::select! {
        answer = stalled => panic!("a stalled agent has answered {}", answer.status),
        () = others => {}
    }
    cluster.clients[0].set_fault(Fault::None);
    assert_eq!(call(cluster.gateway, "after", "GET", &path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_swap_their_addresses_are_found_again() {
    let cluster = Cluster::start().await;
    for path in [stats_path(0), stats_path(1)] {
        assert_eq!(call(cluster.gateway, "before", "GET", &path).await.path, "direct");
    }
    let [first, second] = [cluster.clients[0].address, cluster.clients[1].address];
    // The second client is behind the first address now. Whatever the gateway still assumes, the right one
    // responds, because the id stays in the call and the wrong agent relays it.
    for (n, advertised) in
        [[second, first], [first, second], [second, first]].into_iter().enumerate()
    {
        cluster.move_nodes(advertised);
        for (node, name) in CLIENTS.into_iter().enumerate() {
            let outcome =
                call(cluster.gateway, &format!("{n}{name}"), "GET", &stats_path(node)).await;
            assert_eq!((outcome.status, &*outcome.done_by), (200, name));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_behind_nat_is_reached_through_servers_until_it_has_a_way() {
    let cluster = Cluster::start().await;
    let nobody: SocketAddr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let [first, second] = [cluster.clients[0].address, cluster.clients[1].address];
    cluster.move_nodes([nobody, second]);
    cluster
        .wait_until(&stats_path(0), |answer| answer.header("x-nomad-gateway-path") == Some("relay"))
        .await;
    let outcome = call(cluster.gateway, "nat", "GET", &stats_path(0)).await;
    assert_eq!((outcome.status, &*outcome.path, &*outcome.done_by), (200, "relay", "client1"));
    cluster.move_nodes([first, second]);
    cluster
        .wait_until(&stats_path(0), |answer| {
            answer.header("x-nomad-gateway-path") == Some("direct")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_leader_stops_nothing_but_calls_to_the_leader() {
    let cluster = Cluster::start().await;
    let leader = "/v1/agent/self?server_id=leader";
    assert_eq!(call(cluster.gateway, "a", "GET", leader).await.done_by, "server1");
    cluster.fleet.state.send_modify(|state| state.leader = None);
    cluster.wait_until(leader, |answer| answer.status == 400).await;
    assert_eq!(get(cluster.gateway, leader).await.text(), "No cluster leader");
    for path in ["/v1/jobs", &stats_path(0)] {
        assert_eq!(call(cluster.gateway, "b", "GET", path).await.status, 200);
    }
    cluster.fleet.state.send_modify(|state| state.leader = Some(2));
    cluster.wait_until(leader, |answer| answer.header("x-done-by") == Some("server3")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_server_gone_known_agents_are_still_reached() {
    let cluster = Cluster::start().await;
    assert_eq!(call(cluster.gateway, "before", "GET", &stats_path(0)).await.status, 200);
    cluster.servers.iter().for_each(|server| server.set_fault(Fault::Refuse));
    let outcome = call(cluster.gateway, "alone", "GET", &stats_path(0)).await;
    assert_eq!((outcome.status, &*outcome.path), (200, "direct"));
    let jobs = timeout(Duration::from_secs(10), get(cluster.gateway, "/v1/jobs")).await.unwrap();
    assert_eq!((jobs.status, &*jobs.text()), (500, "no servers"));
    cluster.servers.iter().for_each(|server| server.set_fault(Fault::None));
    cluster.wait_until("/v1/jobs", |answer| answer.status == 200).await;
}
