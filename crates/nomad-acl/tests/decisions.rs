//! A table of policies and questions with Nomad's answers, `tests/data/decisions.json`.
//!
//! Every entry names policies in either form, one question, and the answer; `why` says in words what
//! the entry pins.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use nomad_acl::{
    Acl, Capability, EnableDebug, Policy, PolicyError, Subject, Variable, WorkloadIdentity,
};
use serde_json::Value;

const TABLE: &str = include_str!("data/decisions.json");

#[test]
fn every_check_of_the_table_has_its_decision() {
    let cases: Vec<Value> = serde_json::from_str(TABLE).unwrap();
    assert_eq!(cases.len(), 249);
    let wrong: Vec<String> = cases.iter().filter_map(|case| failure(case).err()).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a block without label is, by what its body holds. Which error it is matters to nobody but
/// whoever compares texts; that it is one matters to everybody.
#[test]
fn a_block_without_label_is_refused_whatever_it_holds() {
    let table = [
        ("namespace {}", "invalid acl policy"),
        ("namespace \"a\" {} namespace {}", "invalid acl policy"),
        ("namespace {} namespace \"a\" {}", "Invalid namespace name"),
        ("namespace { policy = \"read\" }", "Invalid namespace name"),
        ("namespace { policy = \"read\" capabilities = [] }", "Failed to parse ACL Policy"),
        ("namespace { variables { path \"p\" {} } }", "Invalid namespace name"),
        ("node_pool {}", "invalid acl policy"),
        ("host_volume { policy = \"read\" }", "Invalid host volume name"),
        ("namespace \"a\" { variables { path {} } }", "invalid acl policy"),
        ("namespace \"a\" { variables { path { x = \"y\" } } }", "Invalid missing variable path"),
        (
            "namespace \"a\" { variables { path {} path \"p\" {} } }",
            "Invalid missing variable path",
        ),
    ];
    for (source, expected) in table {
        let error = source.parse::<Policy>().unwrap_err().to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

/// What an entry answers when it does not answer as it should.
fn failure(case: &Value) -> Result<(), String> {
    let check = &case["check"];
    let answer = match text(check, "kind") {
        "parse_error" => return parse_case(case),
        _ => asked(&acl(case), check),
    };
    let expected = case["expect"].as_bool().unwrap();
    if answer == expected {
        return Ok(());
    }
    Err(format!("{}: got {answer}: {}", text(case, "id"), text(case, "why")))
}

fn parse_case(case: &Value) -> Result<(), String> {
    let source = case["policies"][0].as_str().unwrap();
    let read: Result<Policy, PolicyError> = if case["check"]["strict"].as_bool().unwrap() {
        Policy::parse_strict(source)
    } else {
        source.parse()
    };
    match (case["expect"].as_str(), &read) {
        (None, Ok(_)) => Ok(()),
        (Some(part), Err(error)) if error.to_string().contains(part) => Ok(()),
        (expected, _) => Err(format!("{}: expected {expected:?}, got {read:?}", text(case, "id"))),
    }
}

fn acl(case: &Value) -> Acl {
    match case["acl"].as_str() {
        Some("management") => return Acl::management(),
        Some("disabled") => return Acl::disabled(),
        _ => {}
    }
    let policies: Vec<Policy> = case["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source.as_str().unwrap().parse().unwrap())
        .collect();
    let names: Vec<String> = (0..policies.len()).map(|index| format!("p{index}")).collect();
    Acl::compile(names.iter().map(String::as_str).zip(&policies))
}

fn asked(acl: &Acl, check: &Value) -> bool {
    let kind = text(check, "kind");
    if kind == "agent" && text(check, "op") == "debug" {
        let on = check["debug_enabled"].as_bool().unwrap();
        return acl.allows_debug(if on { EnableDebug::On } else { EnableDebug::Off });
    }
    let subject = subject(kind, check);
    if let Some(ops) = check["any_of"].as_array() {
        return ops.iter().any(|op| holds(acl, kind, op.as_str().unwrap(), &subject));
    }
    holds(acl, kind, check["op"].as_str().unwrap_or("any"), &subject)
}

fn holds(acl: &Acl, kind: &str, op: &str, subject: &Subject) -> bool {
    let right = match kind {
        "management" => return acl.is_management(),
        "variable" => format!("variables:{op}"),
        _ => format!("{kind}:{op}"),
    };
    acl.has_capability(right.parse::<Capability>().unwrap(), subject).is_allowed()
}

fn subject(kind: &str, check: &Value) -> Subject {
    let namespace = || text(check, "namespace").into();
    match kind {
        "namespace" => Subject::Namespace(namespace()),
        "node_pool" => Subject::NodePool(check["name"].as_str().unwrap_or("").into()),
        "host_volume" => Subject::HostVolume(text(check, "name").into()),
        "variable" => {
            let variable = Variable::new(namespace(), check["path"].as_str().unwrap_or(""));
            let claim = check.get("claim").map(|claim| WorkloadIdentity {
                namespace: text(claim, "namespace").into(),
                job: text(claim, "job").into(),
                group: text(claim, "group").into(),
                task: text(claim, "task").into(),
            });
            Subject::Variable(Box::new(match claim {
                Some(claim) => variable.with_workload(claim),
                None => variable,
            }))
        }
        _ => Subject::Agent,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} missing in {value}"))
}
