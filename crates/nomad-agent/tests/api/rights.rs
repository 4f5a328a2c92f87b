//! Capabilities by policy: the cases that Nomad's own tests pin.

use std::future::{Ready, ready};

use nomad_acl::{Acl, LookupOptions, Policy, RegionScope, RegionalAcl, Tokens, TokensError};
use nomad_agent::{Agent, Role, standalone};
use nomad_wire::SecretId;

use crate::support::{request, send_request, start_alone};

/// ACLs enabled; every request has these policies.
#[derive(Clone)]
struct FixedTokens(Acl);

impl Tokens for FixedTokens {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        ready(Ok(RegionalAcl::new(RegionScope::Own, self.0.clone())))
    }
}

fn acl(name: &str) -> Acl {
    let rules = match name {
        "none" => return Acl::deny_all(),
        "management" => return Acl::management(),
        "agent:read" => r#"agent { policy = "read" }"#,
        "agent:write" => r#"agent { policy = "write" }"#,
        "node:read" => r#"node { policy = "read" }"#,
        "node:write" => r#"node { policy = "write" }"#,
        other => panic!("no policy is called {other}"),
    };
    let policy: Policy = rules.parse().unwrap();
    Acl::compile([(name, &policy)])
}

async fn status(agent: &Agent, policy: &str, path: &str) -> u16 {
    let tokens = FixedTokens(acl(policy));
    let answer = send_request(standalone(agent.clone(), tokens), request("GET", path)).await;
    if answer.status == 403 {
        assert_eq!(answer.refusal(), (403, "Permission denied"));
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn rights_are_those_of_nomad() {
    let agent = start_alone(Role::Both).await;
    for (path, allowed, denied) in [
        (
            "/v1/agent/self",
            ["agent:read", "agent:write", "management"].as_slice(),
            ["none", "node:read", "node:write"].as_slice(),
        ),
        (
            "/v1/agent/members",
            &["node:read", "node:write", "management"],
            &["none", "agent:read", "agent:write"],
        ),
        (
            "/v1/agent/servers",
            &["agent:read", "agent:write", "management"],
            &["none", "node:read", "node:write"],
        ),
        // `enable_debug` is off, which does not matter with ACLs enabled.
        (
            "/v1/agent/host",
            &["agent:read", "agent:write", "management"],
            &["none", "node:read", "node:write"],
        ),
        (
            "/v1/client/stats",
            &["node:read", "node:write", "management"],
            &["none", "agent:read", "agent:write"],
        ),
        ("/v1/agent/health", &["none", "agent:read", "node:read", "management"], &[]),
    ] {
        for policy in allowed {
            assert_eq!(status(&agent, policy, path).await, 200, "{policy} {path}");
        }
        for policy in denied {
            assert_eq!(status(&agent, policy, path).await, 403, "{policy} {path}");
        }
    }
}

#[tokio::test]
async fn a_monitor_needs_a_right_after_its_parameters() {
    let agent = start_alone(Role::Both).await;
    for policy in ["none", "node:write"] {
        assert_eq!(status(&agent, policy, "/v1/agent/monitor").await, 403);
    }
    for policy in ["none", "agent:read", "management"] {
        assert_eq!(status(&agent, policy, "/v1/agent/monitor?log_level=unknown").await, 400);
    }
}
