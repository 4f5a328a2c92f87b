//! Every call of the agent and client API, through a running gateway: denied before any agent gets it when its
//! capability is missing, and forwarded when it is there.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use nomad_acl::tokens::TokenTable;
use nomad_forward::{Agent, DenialDetail, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, SystemClock, listener::Listener};
use nomad_wire::Region;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Script, TestResponse, send, start_counted};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
/// An allocation in the namespace `web`.
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

/// Every capability that a call of these two APIs can require.
const CAPABILITIES: [&str; 13] = [
    "agent:read",
    "agent:write",
    "node:read",
    "node:write",
    "read-fs",
    "read-logs",
    "read-job",
    "submit-job",
    "alloc-lifecycle",
    "alloc-exec",
    "alloc-node-exec",
    "gc-allocation",
    "pause-allocation",
];

/// Method, path, and the capabilities of which one is required; none means that the call is open.
fn calls() -> Vec<(&'static str, String, &'static [&'static str])> {
    let fixed: [(&str, &str, &[&str]); 26] = [
        ("GET", "/v1/agent/health", &[]),
        ("PUT", "/v1/agent/join?address=x", &["agent:write"]),
        ("GET", "/v1/metrics", &["agent:read"]),
        ("GET", "/v1/agent/members", &["node:read"]),
        ("GET", "/v1/agent/servers", &["agent:read"]),
        ("PUT", "/v1/agent/servers?address=x", &["agent:write"]),
        ("GET", "/v1/agent/self", &["agent:read"]),
        ("PUT", "/v1/agent/force-leave?node=x", &["agent:write"]),
        ("GET", "/v1/agent/host", &["agent:read"]),
        ("GET", "/v1/agent/monitor", &["agent:read"]),
        ("GET", "/v1/agent/monitor/export?on_disk=1", &["agent:read"]),
        ("GET", "/v1/agent/pprof/cmdline", &["agent:write"]),
        ("GET", "/v1/agent/schedulers", &["agent:read"]),
        ("GET", "/v1/agent/schedulers/config", &["agent:read"]),
        ("PUT", "/v1/agent/schedulers/config", &["agent:write"]),
        ("GET", "/v1/agent/keyring/list", &["agent:write"]),
        ("PUT", "/v1/agent/keyring/install", &["agent:write"]),
        ("PUT", "/v1/agent/keyring/use", &["agent:write"]),
        ("PUT", "/v1/agent/keyring/remove", &["agent:write"]),
        ("PUT", "/v1/agent/reload", &["agent:write"]),
        ("GET", "/v1/client/stats", &["node:read"]),
        ("GET", "/v1/client/gc", &["node:write"]),
        ("GET", "/v1/client/metadata", &["node:read"]),
        ("POST", "/v1/client/metadata", &["node:write"]),
        ("GET", "/v1/client/identity", &["node:read"]),
        ("PUT", "/v1/client/identity/renew", &["node:write"]),
    ];
    let of_allocation: [(&str, &str, &[&str]); 14] = [
        ("GET", "fs/ls/ID", &["read-fs"]),
        ("GET", "fs/stat/ID?path=a", &["read-fs"]),
        ("GET", "fs/cat/ID?path=a", &["read-fs"]),
        ("GET", "fs/readat/ID?path=a&offset=0", &["read-fs"]),
        ("GET", "fs/stream/ID?path=a", &["read-fs"]),
        ("GET", "fs/logs/ID?task=a&type=stdout", &["read-logs", "read-fs"]),
        ("GET", "allocation/ID/stats", &["read-job"]),
        ("GET", "allocation/ID/checks", &["read-job"]),
        ("PUT", "allocation/ID/restart", &["alloc-lifecycle"]),
        ("PUT", "allocation/ID/signal", &["alloc-lifecycle"]),
        ("GET", "allocation/ID/gc", &["submit-job", "gc-allocation"]),
        ("GET", "allocation/ID/pause", &["read-job"]),
        ("PUT", "allocation/ID/pause", &["submit-job", "pause-allocation"]),
        ("GET", "allocation/ID/exec?task=a&command=[]", &["alloc-exec"]),
    ];
    let fixed = fixed.into_iter().map(|(method, path, rights)| (method, path.to_owned(), rights));
    let of_allocation = of_allocation.into_iter().map(|(method, path, rights)| {
        (method, format!("/v1/client/{}", path.replace("ID", ALLOC)), rights)
    });
    fixed.chain(of_allocation).collect()
}

/// A policy that grants exactly these capabilities in one namespace.
fn policy(rights: &[&str], namespace: &str) -> String {
    let level = |block: &str| {
        let of = |level: &str| rights.contains(&&*format!("{block}:{level}"));
        let level = if of("write") { "write" } else { "read" };
        if of("read") || of("write") {
            format!("{block} {{ policy = \"{level}\" }}\n")
        } else {
            String::new()
        }
    };
    let capabilities: Vec<_> = rights
        .iter()
        .filter(|right| !right.contains(':'))
        .map(|right| format!("\"{right}\""))
        .collect();
    let capabilities = capabilities.join(", ");
    format!(
        "namespace \"{namespace}\" {{ capabilities = [{capabilities}] }}\n{}{}",
        level("agent"),
        level("node")
    )
}

/// Whether a granted capability satisfies the required one.
fn implies(has: &str, demanded: &str) -> bool {
    has == demanded
        || has.strip_suffix("write").is_some_and(|block| demanded == format!("{block}read"))
}

/// A gateway that knows these tokens, in front of agents that accept and count every request.
struct AclGateway {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

impl AclGateway {
    async fn start(table: &Value) -> Self {
        let mut tasks = JoinSet::new();
        let asked = Arc::new(AtomicUsize::new(0));
        let agent = start_counted(&mut tasks, Script::Serve("done"), Arc::clone(&asked)).await;
        let region = Region::default();
        let directory = StaticDirectory::builder(region.clone())
            .agent(
                Agent::server("server1", SERVER.parse().unwrap(), region.clone(), agent).unwrap(),
            )
            .agent(Agent::client("client1", NODE.parse().unwrap(), region, agent).unwrap())
            .build();
        directory.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), "web".into());
        let tokens = TokenTable::from_json(&table.to_string(), SystemClock::start()).unwrap();
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.address();
        let stopper = ShutdownController::new(Duration::ZERO);
        let gateway = Gateway::new(directory, tokens).denial_detail(DenialDetail::Named);
        tasks.spawn(gateway.serve(listener, stopper.subscribe()));
        Self { address, requests: asked, _stopper: stopper, _tasks: tasks }
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>) -> TestResponse {
        let request = Request::builder().method(method).uri(path);
        let request = token
            .into_iter()
            .fold(request, |request, token| request.header("x-nomad-token", token));
        send(self.address, request.body(Full::<Bytes>::default()).unwrap()).await
    }

    fn requests_seen(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn token(secret: &str, rights: &[&str], namespace: &str) -> (Value, Value) {
    let rules = policy(rights, namespace);
    (json!({ "name": secret, "rules": rules }), json!({ "secret": secret, "policies": [secret] }))
}

fn table(tokens: Vec<(Value, Value)>) -> Value {
    let (policies, mut tokens): (Vec<_>, Vec<_>) = tokens.into_iter().unzip();
    tokens.push(json!({ "secret": "root", "type": "management" }));
    tokens
        .push(json!({ "secret": "old", "type": "management", "expires": "2020-01-01T00:00:00Z" }));
    json!({ "policies": policies, "tokens": tokens })
}

fn is_denied(answer: &TestResponse) -> bool {
    answer.status == 403 && answer.text() == "Permission denied"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_capability_opens_its_calls_and_no_other() {
    let tokens = CAPABILITIES.iter().map(|right| token(right, &[*right], "web")).collect();
    let guarded = AclGateway::start(&table(tokens)).await;
    for (method, path, demanded) in calls() {
        for right in CAPABILITIES {
            let before = guarded.requests_seen();
            let answer = guarded.send(method, &path, Some(right)).await;
            let may =
                demanded.is_empty() || demanded.iter().any(|demanded| implies(right, demanded));
            let context = format!("{method} {path} with {right}");
            assert_eq!(is_denied(&answer), !may, "{context}: {} {}", answer.status, answer.text());
            assert_eq!(
                guarded.requests_seen() - before,
                usize::from(may),
                "{context}: an agent was asked"
            );
            let named = answer.header("x-nomad-gateway-denied").map(str::to_owned);
            assert_eq!(named, (!may).then(|| named_capabilities(demanded)), "{context}");
        }
    }
}

/// The missing capabilities as in the header.
fn named_capabilities(demanded: &[&str]) -> String {
    let named = demanded.iter().map(|right| {
        if right.contains(':') { (*right).to_owned() } else { format!("namespace:{right}") }
    });
    named.collect::<Vec<_>>().join(" or ")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_capabilities_but_the_required_ones_are_not_enough() {
    let without = |demanded: &[&str]| {
        let left = CAPABILITIES
            .iter()
            .filter(|right| !demanded.iter().any(|demanded| implies(right, demanded)));
        left.copied().collect::<Vec<_>>()
    };
    let calls = calls();
    let tokens = calls
        .iter()
        .enumerate()
        .map(|(n, (.., demanded))| token(&format!("t{n}"), &without(demanded), "web"));
    let guarded = AclGateway::start(&table(tokens.collect())).await;
    for (number, (method, path, demanded)) in calls.iter().enumerate() {
        let answer = guarded.send(method, path, Some(&format!("t{number}"))).await;
        assert_eq!(is_denied(&answer), !demanded.is_empty(), "{method} {path}: {}", answer.text());
        let root = guarded.send(method, path, Some("root")).await;
        assert_eq!(root.status, 200, "{method} {path}: {}", root.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespace_is_the_allocations_own() {
    let guarded =
        AclGateway::start(&table(vec![token("elsewhere", &CAPABILITIES, "default")])).await;
    for namespace in ["", "&namespace=default", "&namespace=*"] {
        let path = format!("/v1/client/fs/ls/{ALLOC}?path=/{namespace}");
        assert!(is_denied(&guarded.send("GET", &path, Some("elsewhere")).await), "{path}");
    }
    assert_eq!(guarded.requests_seen(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_good_token_get_nowhere() {
    let guarded = AclGateway::start(&table(Vec::new())).await;
    let unknown = "01234567-89ab-cdef-0123-456789abcdef";
    for (token, text) in [
        (None, "Permission denied"),
        (Some(unknown), "Permission denied"),
        (Some("not-a-uuid"), "Permission denied"),
        (Some("old"), "ACL token expired"),
    ] {
        let answer = guarded.send("GET", "/v1/agent/self", token).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (403, text), "{token:?}");
    }
    // For an allocation existence is checked before authorization, for a node after it.
    let path = format!("/v1/client/fs/ls/{unknown}");
    assert_eq!(guarded.send("GET", &path, None).await.status, 404);
    let path = format!("/v1/client/stats?node_id={unknown}");
    assert_eq!(guarded.send("GET", &path, None).await.status, 403);
    assert_eq!(guarded.send("GET", &path, Some("root")).await.status, 404);
    assert_eq!(guarded.requests_seen(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_tells_nothing_unless_the_operator_says_so() {
    let guarded = AclGateway::start(&table(Vec::new())).await;
    assert!(
        guarded
            .send("GET", "/v1/agent/self", None)
            .await
            .header("x-nomad-gateway-denied")
            .is_some()
    );
    let world = crate::support::TestCluster::with_acls().await;
    let answer = crate::support::get(world.gateway, "/v1/agent/self").await;
    assert!(is_denied(&answer));
    assert_eq!(answer.header("x-nomad-gateway-denied"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_check_again_by_themselves() {
    let world = crate::support::TestCluster::with_acls().await;
    let tokens = world.tokens.as_ref().unwrap();
    for (token, status) in
        [(None, 403), (Some(&tokens.read_only), 200), (Some(&tokens.management), 200)]
    {
        for address in [world.gateway, world.agent("server2").1, world.agent("client1").1] {
            let request = Request::get("/v1/agent/self");
            let request = token
                .into_iter()
                .fold(request, |request, token| request.header("x-nomad-token", token.expose()));
            let answer = send(address, request.body(Full::<Bytes>::default()).unwrap()).await;
            assert_eq!(answer.status, status, "{address}: {}", answer.text());
        }
    }
}
