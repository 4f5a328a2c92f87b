//! Look-ups in a fixed table.

use super::*;

const NODE1: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const NODE2: &str = "9b488acd-97b4-c4f6-fe3a-7f7ce856a9d4";
const SERVER1: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const SERVER2: &str = "0901b9e7-0f99-38b8-af24-a5b640b80689";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn table() -> StaticDirectory {
    let region = Region::default();
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    use std::net::SocketAddr;
    let table = StaticDirectory::builder(region.clone())
        .agent(
            Agent::server("server1", SERVER1.parse().unwrap(), region.clone(), address(1)).unwrap(),
        )
        .agent(
            Agent::server("server2", SERVER2.parse().unwrap(), region.clone(), address(2)).unwrap(),
        )
        .agent(
            Agent::client("client1", NODE1.parse().unwrap(), region.clone(), address(3)).unwrap(),
        )
        .agent(Agent::client("client2", NODE2.parse().unwrap(), region, address(4)).unwrap())
        .leader(|| Some("server2.global".into()))
        .build();
    table.insert_allocation(ALLOC.parse().unwrap(), NODE2.parse().unwrap(), "web".into());
    table
}

fn name(target: &Target) -> Result<String, String> {
    table()
        .find(target, None, NameMatch::Prefix)
        .map(|place| place.agent.name().into())
        .map_err(|error| error.to_string())
}

#[test]
fn nodes_are_found_by_id_prefix_and_name() {
    for (written, found) in [
        (NODE1, Ok("client1")),
        ("9BB118CC-7630-EBF4-B8B8-C11EE8847863", Ok("client1")),
        ("9bb1", Ok("client1")),
        ("client2", Ok("client2")),
        ("9b", Err("\"9b\" names 2 nodes; give more of the id")),
        ("ff", Err("node lookup failed: index error: UUID must be 36 characters")),
        (UNKNOWN, Err("Unknown node \"01234567-89ab-cdef-0123-456789abcdef\"")),
    ] {
        let expected = found.map(String::from).map_err(String::from);
        assert_eq!(name(&Target::Node(written.into())), expected, "{written}");
    }
}

#[test]
fn servers_are_found_by_every_name_they_have() {
    for written in ["server2.global", "server2", SERVER2] {
        assert_eq!(name(&Target::Server(written.into())), Ok("server2.global".into()), "{written}");
    }
    assert_eq!(name(&Target::Leader), Ok("server2.global".into()));
    assert_eq!(name(&Target::Server("nope".into())), Err("unknown Nomad server nope".into()));
}

#[test]
fn an_allocation_is_found_with_its_own_namespace() {
    let place = table().find(&Target::Allocation(ALLOC.into()), None, NameMatch::Exact).unwrap();
    assert_eq!(place.agent.name(), "client2");
    assert_eq!(place.subject, Subject::Namespace("web".into()));
    assert_eq!(
        name(&Target::Allocation(UNKNOWN.into())),
        Err("Unknown allocation \"01234567-89ab-cdef-0123-456789abcdef\"".into())
    );
    assert_eq!(
        name(&Target::Allocation("x".into())),
        Err("alloc lookup failed: index error: UUID must be 36 characters".into())
    );
}

#[test]
fn a_foreign_region_has_no_path_once_an_agent_is_named() {
    let region = Region::new("mars");
    let find = |target: &Target| {
        table()
            .find(target, Some(&region), NameMatch::Prefix)
            .map(|place| place.agent.name().to_owned())
    };
    assert_eq!(find(&Target::Leader), Err(DirectoryError::UnknownRegion));
    assert_eq!(find(&Target::AnyServer), Ok("server1.global".into()));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_is_the_last_choice_for_a_while() {
    let table = table();
    let any = || table.find(&Target::AnyServer, None, NameMatch::Exact).unwrap().agent;
    let first = any();
    assert_eq!(first.name(), "server1.global");
    table.observe(&first, Reachability::Unreachable);
    assert_eq!(any().name(), "server2.global");
    tokio::time::advance(AVOID_PERIOD).await;
    assert_eq!(any().name(), "server1.global");
    table.observe(&first, Reachability::Unreachable);
    table.observe(&first, Reachability::Reachable);
    assert_eq!(any().name(), "server1.global");
}
