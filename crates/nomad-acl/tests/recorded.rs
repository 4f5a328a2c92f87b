//! Who was let through by a real Nomad, `tests/data/recorded.json`: every call with every token of a
//! cluster, as its answers showed. Tokens have the one policy of their name; `none` sends no token,
//! `mgmt` is a management token.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use http::{Method, Uri};
use nomad_acl::{Acl, Policy, Requirement, Subject};
use nomad_wire::Route;
use serde_json::Value;

const RECORDED: &str = include_str!("data/recorded.json");

fn acls(recorded: &Value) -> Vec<(String, Acl)> {
    let mut acls =
        vec![("none".to_owned(), Acl::deny_all()), ("mgmt".to_owned(), Acl::management())];
    for (name, rules) in recorded["policies"].as_object().unwrap() {
        let policy: Policy = rules.as_str().unwrap().parse().unwrap();
        acls.push((name.clone(), Acl::compile([(name.as_str(), &policy)])));
    }
    acls
}

fn requirement(call: &str) -> Requirement {
    let (method, path) = call.split_once(' ').unwrap();
    let uri: Uri = path.replace(":alloc", "13651909-dd6d-35ce-5da0-5004769668b3").parse().unwrap();
    Requirement::for_route(&Route::parse(&method.parse::<Method>().unwrap(), &uri).unwrap())
}

#[test]
fn every_recorded_call_is_decided_as_it_was() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let acls = acls(&recorded);
    let mut decided = 0;
    for row in recorded["calls"].as_array().unwrap() {
        let call = row["call"].as_str().unwrap();
        let subject = match row["namespace"].as_str() {
            Some(namespace) => Subject::Namespace(namespace.into()),
            None => Subject::Agent,
        };
        let allowed = row["allowed"].as_array().unwrap();
        for (token, acl) in &acls {
            let expected = allowed.iter().any(|name| name == token.as_str());
            let answer = acl.allows(&requirement(call), &subject).is_allowed();
            assert_eq!(answer, expected, "{call} on {subject:?} with {token}");
            decided += 1;
        }
    }
    assert_eq!(decided, 22 * 16);
}
