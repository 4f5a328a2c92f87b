//! Access to an allocation is decided by its own namespace, `apps`, whatever the query says.

use std::future::{Ready, ready};

use nomad_acl::{Acl, LookupOptions, Policy, RegionScope, RegionalAcl, Tokens, TokensError};
use nomad_agent::standalone;
use nomad_wire::SecretId;

use crate::{
    fixture::{ALLOC, run_web_to_end},
    support::{get_as, request, send_request},
};

/// The policy of every request.
#[derive(Debug, Clone)]
pub(crate) struct FixedAcl(Acl);

impl FixedAcl {
    pub(crate) fn from_rules(rules: &str) -> Self {
        let policy: Policy = rules.parse().unwrap();
        Self(Acl::compile([("test", &policy)]))
    }
}

impl Tokens for FixedAcl {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        ready(Ok(RegionalAcl::new(RegionScope::Own, self.0.clone())))
    }
}

#[tokio::test]
async fn the_namespace_of_the_allocation_decides() {
    let stage = run_web_to_end("echo hello").await;
    let log = "alloc/logs/web.stdout.0";
    let calls = [
        format!("fs/ls/{ALLOC}?namespace=other"),
        format!("fs/stat/{ALLOC}?path={log}"),
        format!("fs/cat/{ALLOC}?path={log}"),
        format!("fs/readat/{ALLOC}?path={log}&offset=0"),
        format!("fs/stream/{ALLOC}?path={log}&follow=false"),
        format!("fs/logs/{ALLOC}?task=web&type=stdout"),
        format!("allocation/{ALLOC}/stats"),
    ];
    let (files, logs, stats) = ([200, 200, 200, 200, 200], 200, 200);
    let none = [403; 5];
    let cases = [
        (r#"namespace "apps" { capabilities = ["read-fs"] }"#, files, logs, 403),
        (r#"namespace "apps" { capabilities = ["read-logs"] }"#, none, logs, 403),
        (r#"namespace "apps" { capabilities = ["read-logs", "read-fs"] }"#, files, logs, 403),
        (r#"namespace "apps" { policy = "write" }"#, files, logs, stats),
        (r#"namespace "apps" { policy = "read" }"#, none, 403, stats),
        (r#"namespace "other" { policy = "write" }"#, none, 403, 403),
        (r#"node { policy = "write" }"#, none, 403, 403),
    ];
    for (rules, files, logs, stats) in cases {
        let expected = files.into_iter().chain([logs, stats]);
        for (call, status) in calls.iter().zip(expected) {
            let service = standalone(stage.agent.clone(), FixedAcl::from_rules(rules));
            let answer = send_request(service, request("GET", &format!("/v1/client/{call}"))).await;
            assert_eq!(answer.status, status, "{call} with {rules}");
            if status == 403 {
                assert_eq!(answer.refusal(), (403, "Permission denied"));
            }
        }
    }
    for call in &calls {
        let answer = get_as(&stage.agent, "management", &format!("/v1/client/{call}")).await;
        assert_eq!(answer.status, 200, "{call}");
    }
}
