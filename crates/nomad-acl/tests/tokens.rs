//! Token → ACL: the fixed table, Nomad's API, and what is remembered of it. Time stands still until a
//! test moves it, and the servers are a function.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod support;

use std::{sync::Arc, time::Duration};

use nomad_acl::{
    Freshness, LookupOptions, RegionScope, RegionalAcl, Subject, Tokens, TokensError,
    tokens::{NomadTokenLookup, TokenCache, TokenCacheLimits, TokenTable},
};
use nomad_wire::SecretId;

use self::support::{FakeClock, Servers, now};

const SECRET: &str = "d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b";
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJub21hZCI6MX0.c2ln";

fn secret() -> SecretId {
    SecretId::new(SECRET)
}

fn holds(acl: &RegionalAcl, right: &str) -> bool {
    let acl = acl.for_region(&RegionScope::Own).unwrap();
    acl.has_capability(right.parse().unwrap(), &Subject::Agent).is_allowed()
}

/// What a gateway remembers of these servers.
type Gateway = TokenCache<NomadTokenLookup<Servers, Arc<FakeClock>>, Arc<FakeClock>>;

fn gateway(servers: &Servers) -> (Gateway, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let source = NomadTokenLookup::new(servers.clone(), clock.clone());
    (TokenCache::new(source, clock.clone(), TokenCacheLimits::default()), clock)
}

fn reader_servers() -> Servers {
    Servers::default()
        .with_response("/v1/acl/token/self", 200, r#"{"AccessorID":"a1","Type":"client","Policies":["readers","gone"],"Roles":[{"ID":"r1","Name":"ops"}]}"#)
        .with_response("/v1/acl/role/r1", 200, r#"{"ID":"r1","Policies":[{"Name":"writers"}]}"#)
        .with_response("/v1/acl/policy/readers", 200, r#"{"Name":"readers","Rules":"node { policy = \"read\" }","ModifyIndex":7}"#)
        .with_response("/v1/acl/policy/writers", 200, r#"{"Name":"writers","Rules":"agent { policy = \"write\" }","ModifyIndex":8}"#)
        .with_response("/v1/acl/policy/gone", 404, "ACL policy not found")
}

#[test]
fn a_token_has_its_own_policies_and_those_of_its_roles() {
    let servers = reader_servers();
    let (tokens, _) = gateway(&servers);
    let acl = now(tokens.resolve(Some(&secret()))).unwrap();
    assert!(holds(&acl, "node:read") && holds(&acl, "agent:write") && !holds(&acl, "node:write"));
    // Five calls, and once more those after which the leader is asked whether there really is no policy "gone".
    assert_eq!((servers.calls(), servers.leader_requests().len()), (8, 3));
    assert!(servers.tokens().iter().all(|token| token.as_deref() == Some(SECRET)));
}

#[test]
fn a_result_is_cached_for_its_ttl() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    now(tokens.resolve(Some(&secret()))).unwrap();
    let calls = servers.calls();
    clock.advance(Duration::from_secs(29));
    now(tokens.resolve(Some(&secret()))).unwrap();
    assert_eq!(servers.calls(), calls);
    clock.advance(Duration::from_secs(1));
    now(tokens.resolve(Some(&secret()))).unwrap();
    assert!(servers.calls() > calls);
}

#[test]
fn no_such_token_is_believed_at_once_and_remembered_shortly() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    now(tokens.resolve(Some(&secret()))).unwrap();
    clock.advance(Duration::from_secs(31));
    servers.set_response("/v1/acl/token/self", 403, "Permission denied");
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::NotFound)));
    let calls = servers.calls();
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::NotFound)));
    assert_eq!(servers.calls(), calls);
    servers.set_response("/v1/acl/token/self", 500, "No cluster leader");
    clock.advance(Duration::from_secs(6));
    // The old ACL was forgotten with the refusal, so an outage does not bring it back.
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::Unavailable(_))));
}

/// A follower that has not heard of the token, or of what it is linked to; the leader has.
fn lagging(behind: &[&str]) -> Servers {
    let servers = Servers::default();
    for (path, body) in [
        ("/v1/acl/token/self", r#"{"Type":"client","Policies":["new"],"Roles":[{"ID":"r2"}]}"#),
        ("/v1/acl/role/r2", r#"{"ID":"r2","Policies":[{"Name":"role-policy"}]}"#),
        (
            "/v1/acl/policy/new",
            r#"{"Name":"new","Rules":"node { policy = \"read\" }","ModifyIndex":7}"#,
        ),
        (
            "/v1/acl/policy/role-policy",
            r#"{"Name":"role-policy","Rules":"agent { policy = \"read\" }","ModifyIndex":8}"#,
        ),
    ] {
        servers.set_leader_response(path, 200, body);
        if behind.contains(&path) {
            servers.set_response(path, 403, "Permission denied");
        } else {
            servers.set_response(path, 200, body);
        }
    }
    servers
}

#[test]
fn a_token_that_was_just_made_works_at_the_first_call() {
    for behind in [
        vec![
            "/v1/acl/token/self",
            "/v1/acl/role/r2",
            "/v1/acl/policy/new",
            "/v1/acl/policy/role-policy",
        ],
        vec!["/v1/acl/token/self"],
        vec!["/v1/acl/role/r2"],
        vec!["/v1/acl/policy/new"],
        vec!["/v1/acl/policy/role-policy"],
    ] {
        for status in [403, 404] {
            let servers = lagging(&behind);
            for path in &behind {
                servers.set_response(path, status, "ACL policy not found");
            }
            let (tokens, _) = gateway(&servers);
            let acl = now(tokens.resolve(Some(&secret()))).unwrap();
            assert!(holds(&acl, "node:read") && holds(&acl, "agent:read"), "{status} {behind:?}");
            // It is remembered as it is, and the leader is left alone.
            let asked = servers.leader_requests().len();
            now(tokens.resolve(Some(&secret()))).unwrap();
            assert_eq!(servers.leader_requests().len(), asked);
        }
    }
}

#[test]
fn the_leader_is_asked_about_an_invented_token_once_in_a_while() {
    let servers = Servers::default().with_response("/v1/acl/token/self", 403, "Permission denied");
    let (tokens, clock) = gateway(&servers);
    for _ in 0..20 {
        assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::NotFound)));
    }
    assert_eq!((servers.calls(), servers.leader_requests().len()), (2, 1));
    clock.advance(Duration::from_secs(5));
    assert!(now(tokens.resolve(Some(&secret()))).is_err());
    assert_eq!(servers.leader_requests().len(), 2);
    // What cannot be a token is none at the leader either.
    let servers =
        Servers::default().with_response("/v1/acl/token/self", 500, "UUID must be 36 characters");
    assert!(now(gateway(&servers).0.resolve(Some(&secret()))).is_err());
    assert_eq!(servers.leader_requests().len(), 0);
}

#[test]
fn the_leader_confirms_one_token_at_a_time_and_the_last_of_many_is_refused_without_a_request() {
    let servers = Servers::default().with_response("/v1/acl/token/self", 403, "Permission denied");
    servers.set_leader_response("/v1/acl/token/self", 200, r#"{"Type":"management"}"#);
    let (tokens, _) = gateway(&servers);
    servers.pause_leader();
    let invented = |number| SecretId::new(format!("{number:08}-0000-0000-0000-000000000000"));
    let mut waiting: Vec<_> =
        (0..100).map(|number| Box::pin(tokens.resolve(Some(&invented(number))))).collect();
    let refused = waiting.iter_mut().filter_map(|one| support::poll(one.as_mut())).count();
    assert_eq!(servers.leader_requests().len(), 1);
    // One has its turn, and 64 wait for theirs.
    assert_eq!(refused, 35);
}

#[test]
fn while_there_is_no_leader_a_refusal_counts_and_is_not_believed_for_long() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    now(tokens.resolve(Some(&secret()))).unwrap();
    // It was revoked, and then the leader was lost.
    clock.advance(Duration::from_secs(31));
    servers.set_response("/v1/acl/token/self", 403, "Permission denied");
    servers.set_leader_response("/v1/acl/token/self", 500, "No cluster leader");
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::NotFound)));
    let asked = servers.leader_requests().len();
    // Nobody waits for a leader that was not there a moment ago.
    clock.advance(Duration::from_millis(1_100));
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::NotFound)));
    assert_eq!(servers.leader_requests().len(), asked);
    // There is one again, and it knows the token.
    servers.set_leader_response("/v1/acl/token/self", 200, r#"{"Type":"management"}"#);
    clock.advance(Duration::from_secs(5));
    assert!(now(tokens.resolve(Some(&secret()))).is_ok());
}

#[test]
fn acls_that_seem_to_be_off_between_two_calls_open_nothing() {
    let servers = reader_servers();
    servers.set_response("/v1/acl/policy/readers", 400, "ACL support disabled");
    let (tokens, _) = gateway(&servers);
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::Unavailable(_))));
}

#[test]
fn what_was_taken_away_counts_for_thirty_seconds_at_most_in_all() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    let other = SecretId::new("11111111-3cb6-0a0b-3b6a-5a8a2f0f8f9b");
    now(tokens.resolve(Some(&other))).unwrap();
    let less = r#"{"Name":"readers","Rules":"node { policy = \"deny\" }","ModifyIndex":9}"#;
    servers.set_response("/v1/acl/policy/readers", 200, less);
    for second in 1..=30 {
        clock.advance(Duration::from_secs(1));
        // Whenever the token itself is looked up, the policy that it shares with another one is not older for it.
        let acl = now(tokens.resolve(Some(&secret()))).unwrap();
        assert!(second < 30 || !holds(&acl, "node:read"), "after {second} s");
    }
}

#[test]
fn what_only_the_gateway_authorizes_is_looked_up_again_after_two_seconds() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    let recent = LookupOptions { freshness: Freshness::Recent, ..LookupOptions::default() };
    now(tokens.resolve(Some(&secret()))).unwrap();
    let calls = servers.calls();
    clock.advance(Duration::from_millis(1_900));
    now(tokens.resolve_with(Some(&secret()), recent)).unwrap();
    assert_eq!(servers.calls(), calls, "young enough");
    let less = r#"{"Name":"writers","Rules":"agent { policy = \"deny\" }","ModifyIndex":9}"#;
    servers.set_response("/v1/acl/policy/writers", 200, less);
    clock.advance(Duration::from_millis(200));
    let usual = now(tokens.resolve(Some(&secret()))).unwrap();
    assert!(holds(&usual, "agent:write"), "an ordinary call costs nothing");
    assert_eq!(servers.calls(), calls);
    let acl = now(tokens.resolve_with(Some(&secret()), recent)).unwrap();
    assert!(!holds(&acl, "agent:write"));
    // While nobody answers, what was found last stands in, and not every call waits.
    servers.disconnect();
    clock.advance(Duration::from_secs(3));
    assert!(now(tokens.resolve_with(Some(&secret()), recent)).is_ok());
    let calls = servers.calls();
    assert!(now(tokens.resolve_with(Some(&secret()), recent)).is_ok());
    assert_eq!(servers.calls(), calls);
}

#[test]
fn what_was_found_in_a_region_holds_nowhere_else() {
    let servers =
        Servers::default().with_response("/v1/acl/token/self", 400, "ACL support disabled");
    let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let (west, source) =
        (RegionScope::Other("west".into()), NomadTokenLookup::new(servers, clock.clone()));
    let tokens =
        TokenCache::new(source, clock, TokenCacheLimits::default()).with_region(west.clone());
    let rights = now(tokens.resolve(Some(&secret()))).unwrap();
    assert!(rights.for_region(&west).unwrap().is_disabled());
    let mismatch = rights.for_region(&RegionScope::Own).unwrap_err();
    assert_eq!(
        mismatch.to_string(),
        "the token's rights were looked up in region \"west\", and the own region answers"
    );
}

#[test]
fn a_stale_result_is_served_for_a_bounded_time_while_no_server_responds() {
    let servers = reader_servers();
    let (tokens, clock) = gateway(&servers);
    now(tokens.resolve(Some(&secret()))).unwrap();
    servers.disconnect();
    clock.advance(Duration::from_secs(31));
    assert!(holds(&now(tokens.resolve(Some(&secret()))).unwrap(), "node:read"));
    let calls = servers.calls();
    // Not every request waits for the outage: the old answer rests for a second.
    now(tokens.resolve(Some(&secret()))).unwrap();
    assert_eq!(servers.calls(), calls);
    clock.advance(Duration::from_secs(300));
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::Unavailable(_))));
}

#[test]
fn responses_are_classified() {
    let cases: [(u16, &str, &str); 12] = [
        (403, "Permission denied", "ACL token not found"),
        (403, "ACL token not found", "ACL token not found"),
        (404, "ACL token not found", "ACL token not found"),
        (
            500,
            "acl token lookup failed: index error: UUID must be 36 characters",
            "ACL token not found",
        ),
        (
            500,
            "ACL token not found or invalid workload identity: ACL token expired",
            "ACL token expired",
        ),
        (
            500,
            "rpc error: failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts",
            "ACL token not found",
        ),
        (
            500,
            "invalid signature: go-jose/go-jose: error in cryptographic primitive",
            "ACL token not found",
        ),
        (403, "ACL token expired", "ACL token expired"),
        (500, "No cluster leader", "cannot resolve the token"),
        (429, "too many", "cannot resolve the token"),
        (200, "not json", "cannot resolve the token"),
        (200, r#"{"Type":"client","ExpirationTime":"2026-06-01T11:59:59Z"}"#, "ACL token expired"),
    ];
    for (status, body, expected) in cases {
        let servers = Servers::default().with_response("/v1/acl/token/self", status, body);
        let error = now(gateway(&servers).0.resolve(Some(&secret()))).unwrap_err();
        assert_eq!(error.to_string(), expected, "{status} {body}");
    }
}

#[test]
fn management_and_switched_off_acls_are_recognised() {
    for (status, body, disabled) in [
        (200, r#"{"AccessorID":"a","Type":"management"}"#, false),
        (200, r#"{"AccessorID":"acls-disabled","Type":"client"}"#, true),
        (400, "ACL support disabled", true),
    ] {
        let servers = Servers::default().with_response("/v1/acl/token/self", status, body);
        let acl = now(gateway(&servers).0.resolve(Some(&secret()))).unwrap();
        let acl = acl.for_region(&RegionScope::Own).unwrap();
        assert!(acl.is_management(), "{body}");
        assert_eq!(acl.is_disabled(), disabled, "{body}");
        assert_eq!(servers.calls(), 1);
    }
}

#[test]
fn a_token_expires_while_it_is_remembered() {
    let servers = Servers::default().with_response(
        "/v1/acl/token/self",
        200,
        r#"{"Type":"management","ExpirationTime":"2026-06-01T12:00:10Z"}"#,
    );
    let (tokens, clock) = gateway(&servers);
    now(tokens.resolve(Some(&secret()))).unwrap();
    clock.advance(Duration::from_secs(10));
    assert!(matches!(now(tokens.resolve(Some(&secret()))), Err(TokensError::Expired)));
    assert_eq!(servers.calls(), 1);
}

#[test]
fn anonymous_requests_have_the_policy_of_that_name_or_nothing() {
    let servers =
        Servers::default().with_response("/v1/acl/policy/anonymous", 404, "ACL policy not found");
    let acl = now(gateway(&servers).0.resolve(None)).unwrap();
    assert!(!holds(&acl, "agent:read"));
    servers.set_response(
        "/v1/acl/policy/anonymous",
        200,
        r#"{"Name":"anonymous","Rules":"agent { policy = \"read\" }","ModifyIndex":3}"#,
    );
    let acl = now(gateway(&servers).0.resolve(None)).unwrap();
    assert!(holds(&acl, "agent:read"));
    assert_eq!(servers.tokens(), [None, None]);
}

#[test]
fn an_empty_token_is_not_anonymous() {
    let servers = Servers::default();
    let empty = SecretId::new("");
    assert!(matches!(now(gateway(&servers).0.resolve(Some(&empty))), Err(TokensError::NotFound)));
    assert_eq!(servers.calls(), 0);
}

#[test]
fn a_workload_has_the_policies_attached_to_it() {
    let servers = Servers::default()
        .with_response("/v1/acl/policy/self", 200, r#"[{"Name":"job-readers"}]"#)
        .with_response(
            "/v1/acl/policy/job-readers",
            200,
            r#"{"Name":"job-readers","Rules":"node { policy = \"read\" }","ModifyIndex":1}"#,
        );
    let acl = now(gateway(&servers).0.resolve(Some(&SecretId::new(JWT)))).unwrap();
    assert!(holds(&acl, "node:read") && !holds(&acl, "agent:read"));
}

#[test]
fn a_workload_without_a_policy_may_nothing_that_a_policy_grants() {
    let servers = Servers::default().with_response("/v1/acl/policy/self", 200, "null");
    let acl = now(gateway(&servers).0.resolve(Some(&SecretId::new(JWT)))).unwrap();
    assert!(!holds(&acl, "node:read") && !holds(&acl, "management"));
}

#[test]
fn a_policy_that_cannot_be_read_takes_nothing_from_the_others() {
    let text = r#""Name":"newer","Rules":"namespace \"a\" { capabilities = [\"fly\"] }""#;
    let json = r#""RulesJSON":{"Namespaces":[{"Name":"a","Policy":"","Capabilities":["fly","read-job"]}],"Node":{"Policy":"write"},"Quota":{"Policy":"newest"}}"#;
    for (newer, agent, node) in [
        (format!("{{{text},{json},\"ModifyIndex\":1}}"), true, true),
        // Nobody knows what it denies, so that nothing is open that only an edge guards.
        (format!("{{{text},\"RulesJSON\":null,\"ModifyIndex\":1}}"), false, false),
        (format!("{{{text},\"ModifyIndex\":1}}"), false, false),
    ] {
        let servers = Servers::default()
            .with_response("/v1/acl/token/self", 200, r#"{"Type":"client","Policies":["newer","old"]}"#)
            .with_response("/v1/acl/policy/old", 200, r#"{"Name":"old","Rules":"agent { policy = \"read\" } plugin { policy = \"read\" } quota { policy = \"read\" }","ModifyIndex":1}"#)
            .with_response("/v1/acl/policy/newer", 200, &newer);
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let hook = Arc::clone(&told);
        let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
        let source = NomadTokenLookup::new(servers, clock.clone())
            .on_unreadable_policy(move |name, _| hook.lock().unwrap().push(name.to_owned()));
        let tokens = TokenCache::new(source, clock.clone(), TokenCacheLimits::default());
        let acl = now(tokens.resolve(Some(&secret()))).unwrap();
        assert_eq!((holds(&acl, "agent:read"), holds(&acl, "node:write")), (agent, node));
        assert!(holds(&acl, "plugin:read"), "the other policy counts");
        assert_eq!(holds(&acl, "quota:read"), !agent, "a level that is not known denies");
        clock.advance(Duration::from_secs(60));
        now(tokens.resolve(Some(&secret()))).unwrap();
        assert_eq!(*told.lock().unwrap(), ["newer"], "it is told once");
    }
}

#[test]
fn one_lookup_serves_all_requests_with_the_same_token() {
    let servers = reader_servers();
    servers.pause();
    let (tokens, _) = gateway(&servers);
    let (first, second) = (tokens.resolve(Some(&secret())), tokens.resolve(Some(&secret())));
    let mut both = Box::pin(futures_util::future::join(first, second));
    assert!(support::poll(both.as_mut()).is_none());
    servers.unpause();
    let (first, second) = now(both);
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(servers.calls(), 8);
}

#[test]
fn a_lookup_without_waiters_ends_and_the_next_request_starts_another() {
    let servers = reader_servers();
    servers.pause();
    let (tokens, _) = gateway(&servers);
    let mut first = Box::pin(tokens.resolve(Some(&secret())));
    assert!(support::poll(first.as_mut()).is_none());
    drop(first);
    servers.unpause();
    assert!(now(tokens.resolve(Some(&secret()))).is_ok());
    assert_eq!(servers.calls(), 9);
}

#[test]
fn invented_tokens_push_out_each_other_and_no_real_one() {
    let servers = reader_servers();
    let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let limits =
        TokenCacheLimits { max_tokens: 64, max_refusals: 64, ..TokenCacheLimits::default() };
    let tokens =
        TokenCache::new(NomadTokenLookup::new(servers.clone(), clock.clone()), clock, limits);
    now(tokens.resolve(Some(&secret()))).unwrap();
    servers.set_response("/v1/acl/token/self", 403, "Permission denied");
    for number in 0..2_000 {
        let invented = SecretId::new(format!("{number:08}-0000-0000-0000-000000000000"));
        assert!(now(tokens.resolve(Some(&invented))).is_err());
    }
    let calls = servers.calls();
    now(tokens.resolve(Some(&secret()))).unwrap();
    assert_eq!((servers.calls(), tokens.len()), (calls, 1));
}

#[test]
fn too_many_lookups_at_once_are_refused_as_unavailable() {
    let servers = reader_servers();
    servers.pause();
    let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let limits = TokenCacheLimits { max_lookups: 1, ..TokenCacheLimits::default() };
    let tokens = TokenCache::new(NomadTokenLookup::new(servers, clock.clone()), clock, limits);
    let mut first = Box::pin(tokens.resolve(Some(&secret())));
    assert!(support::poll(first.as_mut()).is_none());
    assert!(matches!(now(tokens.resolve(None)), Err(TokensError::Unavailable(_))));
}

#[test]
fn nothing_of_a_secret_is_printed() {
    let servers = Servers::default().with_response("/v1/acl/token/self", 500, "No cluster leader");
    let (tokens, _) = gateway(&servers);
    let error = now(tokens.resolve(Some(&secret()))).unwrap_err();
    assert!(!format!("{error:?} {tokens:?}").contains("d8d8a6f5"));
}

#[test]
fn a_table_knows_its_tokens_their_expiry_and_the_anonymous() {
    let clock = Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let text = format!(
        r#"{{"policies":[{{"name":"anonymous","rules":"agent {{ policy = \"read\" }}"}},
                        {{"name":"readers","rules":"node {{ policy = \"read\" }}"}}],
            "tokens":[{{"secret":"{SECRET}","policies":["readers","gone"],"expires":"2026-06-01T12:00:10Z"}}]}}"#
    );
    let table = TokenTable::from_json(&text, clock.clone()).unwrap();
    assert!(holds(&now(table.resolve(None)).unwrap(), "agent:read"));
    let acl = now(table.resolve(Some(&secret()))).unwrap();
    assert!(holds(&acl, "node:read") && !holds(&acl, "agent:read"));
    assert!(matches!(now(table.resolve(Some(&SecretId::new("x")))), Err(TokensError::NotFound)));
    clock.advance(Duration::from_secs(10));
    assert!(matches!(now(table.resolve(Some(&secret()))), Err(TokensError::Expired)));
}

#[test]
fn a_wrong_table_is_refused_without_its_secrets() {
    let clock = || Arc::new(FakeClock::new("2026-06-01T12:00:00Z"));
    let twice = format!(r#"{{"tokens":[{{"secret":"{SECRET}"}},{{"secret":"{SECRET}"}}]}}"#);
    let error = TokenTable::from_json(&twice, clock()).unwrap_err();
    assert_eq!(error.to_string(), "token 2 stands twice");
    for wrong in [
        "{",
        r#"{"policies":[{"name":"a","rules":"agent {}"}]}"#,
        r#"{"tokens":[{"secret":"a","expires":"soon"}]}"#,
    ] {
        assert!(TokenTable::from_json(wrong, clock()).is_err(), "{wrong}");
    }
}
