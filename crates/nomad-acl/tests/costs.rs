//! What every agent and client call costs, and how a decision about it is explained.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use http::{Method, Uri};
use nomad_acl::{
    Access, Acl, Advice, Decision, DenyReason, NamedPolicy, Policy, Requirement, ServerRequirement,
    Subject, explain,
};
use nomad_wire::Route;

const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

fn route(call: &str) -> Route {
    let (method, path) = call.split_once(' ').unwrap();
    let uri: Uri = path.replace(":alloc", ALLOC).parse().unwrap();
    Route::parse(&method.parse::<Method>().unwrap(), &uri).unwrap()
}

#[test]
fn every_route_requires_what_nomad_requires() {
    let table = [
        ("GET /v1/agent/members", "node:read"),
        ("GET /v1/agent/servers", "agent:read"),
        ("PUT /v1/agent/servers", "agent:write"),
        ("GET /v1/agent/self", "agent:read"),
        ("PUT /v1/agent/join", "nothing"),
        ("PUT /v1/agent/force-leave", "agent:write"),
        ("GET /v1/agent/health", "nothing"),
        ("GET /v1/agent/host", "agent:read"),
        ("GET /v1/agent/monitor", "agent:read"),
        ("GET /v1/agent/monitor/export", "agent:read"),
        ("GET /v1/agent/pprof/cmdline", "agent:write"),
        ("GET /v1/agent/schedulers", "agent:read"),
        ("GET /v1/agent/schedulers/config", "agent:read"),
        ("PUT /v1/agent/schedulers/config", "agent:write"),
        ("GET /v1/agent/keyring/list", "agent:write"),
        ("PUT /v1/agent/keyring/install", "agent:write"),
        ("PUT /v1/agent/reload", "agent:write"),
        ("GET /v1/client/stats", "node:read"),
        ("GET /v1/client/gc", "node:write"),
        ("GET /v1/client/metadata", "node:read"),
        ("POST /v1/client/metadata", "node:write"),
        ("GET /v1/client/identity", "node:read"),
        ("PUT /v1/client/identity/renew", "node:write"),
        ("GET /v1/client/fs/ls/:alloc", "namespace:read-fs"),
        ("GET /v1/client/fs/stat/:alloc", "namespace:read-fs"),
        ("GET /v1/client/fs/cat/:alloc", "namespace:read-fs"),
        ("GET /v1/client/fs/readat/:alloc", "namespace:read-fs"),
        ("GET /v1/client/fs/stream/:alloc", "namespace:read-fs"),
        ("GET /v1/client/fs/logs/:alloc", "namespace:read-logs or namespace:read-fs"),
        ("GET /v1/client/allocation/:alloc/stats", "namespace:read-job"),
        ("GET /v1/client/allocation/:alloc/checks", "namespace:read-job"),
        ("GET /v1/client/allocation/:alloc/pause", "namespace:read-job"),
        (
            "PUT /v1/client/allocation/:alloc/pause",
            "namespace:submit-job or namespace:pause-allocation",
        ),
        ("PUT /v1/client/allocation/:alloc/gc", "namespace:submit-job or namespace:gc-allocation"),
        ("PUT /v1/client/allocation/:alloc/restart", "namespace:alloc-lifecycle"),
        ("PUT /v1/client/allocation/:alloc/signal", "namespace:alloc-lifecycle"),
        ("GET /v1/client/allocation/:alloc/exec", "namespace:alloc-exec"),
        ("GET /v1/client/allocation/:alloc/snapshot", "nothing"),
        ("GET /v1/jobs", "nothing"),
    ];
    for (call, cost) in table {
        assert_eq!(Requirement::for_route(&route(call)).to_string(), cost, "{call}");
    }
}

#[test]
fn other_paths_require_what_is_known_or_the_server_decides() {
    let table = [
        (Method::GET, "/v1/jobs", "namespace:list-jobs in the namespace of the request"),
        (
            Method::GET,
            "/v1/job/a/scale",
            "namespace:read-job or namespace:read-job-scaling in the namespace of the request",
        ),
        (
            Method::GET,
            "/v1/node/pool/gpu/nodes",
            "node_pool:read, and node:read on what the path names",
        ),
        (Method::GET, "/v1/var/app/db/user", "variables:read on what the path names"),
        (Method::POST, "/v1/operator/keyring/rotate", "operator:keyring-rotate"),
        (Method::DELETE, "/v1/acl/policy/ops", "management"),
        (Method::GET, "/v1/status/leader", "nothing"),
        (Method::PUT, "/v1/acl/token/onetime", "the server decides"),
        (Method::PUT, "/v1/jobs", "the server decides"),
        (Method::GET, "/v1/event/stream", "the server decides"),
        (Method::GET, "/v1/not/there", "the server decides"),
    ];
    for (method, path, cost) in table {
        assert_eq!(ServerRequirement::for_call(&method, path).to_string(), cost, "{method} {path}");
    }
}

#[test]
fn every_group_of_a_requirement_is_needed() {
    let policy: Policy = "node_pool \"gpu\" { policy = \"read\" }".parse().unwrap();
    let acl = Acl::compile([("pools", &policy)]);
    let ServerRequirement::Capabilities(both, _) =
        ServerRequirement::for_call(&Method::GET, "/v1/node/pool/gpu/nodes")
    else {
        unreachable!("the table has it");
    };
    let pool = Subject::NodePool("gpu".into());
    let Decision::Deny(reason) = acl.allows(&both, &pool) else {
        unreachable!("a right is missing");
    };
    assert_eq!(reason.to_string(), "missing node:read");
}

fn explained(text: &str, call: &str, subject: Subject) -> nomad_acl::Explanation {
    let policy: Policy = text.parse().unwrap();
    let named = NamedPolicy::new("ops", &policy).with_file("ops.hcl");
    explain(&[named], Access::Call(route(call)), subject)
}

#[test]
fn a_deny_is_distinguished_from_a_missing_grant_with_its_position() {
    let text = "# who may see logs\nnamespace \"*\" { policy = \"write\" }\n  namespace \"prod\" {\n    policy = \"deny\"\n  }\n";
    let logs = "GET /v1/client/fs/logs/:alloc";
    let prod = explained(text, logs, Subject::Namespace("prod".into()));
    assert_eq!(
        prod.to_string(),
        "denied: GET /v1/client/fs/logs/13651909-dd6d-35ce-5da0-5004769668b3 on namespace \"prod\"\n\
         missing namespace:read-logs or namespace:read-fs\n\
         denied by: namespace \"prod\" in policy \"ops\" (ops.hcl:3:3)\n\
         no addition allows it; change namespace \"prod\" in policy \"ops\" (ops.hcl:3:3)\n"
    );
    let json = prod.to_json();
    assert_eq!(json["rule"]["line"], 3);
    assert_eq!(json["rule"]["column"], 3);
    assert_eq!(json["rule"]["file"], "ops.hcl");
    assert_eq!(json["explicit_deny"], true);
    assert_eq!(json["missing"][1], "namespace:read-fs");
    let dev = explained(text, logs, Subject::Namespace("dev".into()));
    assert_eq!(dev.is_allowed(), Some(true));
    assert_eq!(dev.rule().map(|rule| rule.position.line()), Some(2));
}

#[test]
fn a_deny_of_a_pattern_gives_way_to_a_name() {
    let text = "namespace \"*\" { policy = \"deny\" }";
    let found = explained(text, "GET /v1/client/fs/ls/:alloc", Subject::Namespace("dev".into()));
    assert!(matches!(&*found.advice, [Advice::Add(_)]));
    assert!(found.to_string().ends_with(
        "to allow it, add:\n  namespace \"dev\" {\n    capabilities = [\"read-fs\"]\n  }\n"
    ));
}

#[test]
fn a_rule_is_named_even_when_several_share_its_label() {
    let one: Policy = "namespace \"a\" { capabilities = [\"read-job\"] }".parse().unwrap();
    let two: Policy = "\nnamespace \"a\" { capabilities = [\"read-logs\"] }".parse().unwrap();
    let acl = Acl::compile([("one", &one), ("two", &two)]);
    let subject = Subject::Namespace("a".into());
    let Decision::Allow(grant) =
        acl.has_capability("namespace:read-logs".parse().unwrap(), &subject)
    else {
        unreachable!("the second policy grants it");
    };
    assert_eq!(acl.rule(&grant).unwrap().to_string(), "namespace \"a\" in policy \"two\" (at 2:1)");
}

#[test]
fn what_no_policy_grants_says_so() {
    let question = Access::Path(Method::PUT, "/v1/system/gc".into());
    let found = explain(&[], question, Subject::Agent);
    assert_eq!(found.advice, [Advice::ManagementToken]);
    assert!(matches!(found.outcome, nomad_acl::Outcome::Denied(DenyReason::NoRule { .. })));
}

#[test]
fn rules_json_shows_levels_expanded() {
    let text = "namespace \"a\" { policy = \"scale\" variables { path \"p\" { capabilities = [\"read\"] } } }\nagent { policy = \"read\" }";
    let json = text.parse::<Policy>().unwrap().rules_json(text);
    assert_eq!(json["Namespaces"][0]["Policy"], "scale");
    assert_eq!(json["Namespaces"][0]["Capabilities"].as_array().unwrap().len(), 6);
    assert_eq!(json["Namespaces"][0]["Variables"]["Paths"][0]["PathSpec"], "p");
    assert_eq!(json["Agent"]["Policy"], "read");
    assert_eq!(json["Raw"], text);
    assert!(json["Node"].is_null() && json["HostVolumes"].is_null());
}
