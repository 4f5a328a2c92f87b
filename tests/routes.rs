//! Checks that `docs/routes.md` is exactly the table of routes.

use std::{fmt::Write as _, path::Path, time::Duration};

use nomad_acl::Requirement;
use nomad_wire::{
    call::{CallClass, FirstByte, StreamHead},
    spec::{
        AgentRole, BodyTarget, Relay, Requires, RouteClass, RouteSpec, Scope, Sends, Stream, Takes,
        TargetKeys,
    },
};

/// If set, the test writes the page.
const WRITE: &str = "WRITE_DOCS";

const HEAD: &str = include_str!("routes/head.md");
const CALLS: &str = include_str!("routes/calls.md.part");
const TARGETS: &str = include_str!("routes/targets.md");
const SERVERS: &str = include_str!("routes/servers.md");

const CLASSES: [(&str, CallClass); 9] = [
    ("read", CallClass::Read),
    ("slow read", CallClass::SlowRead),
    ("profile of 30 s", CallClass::Profile(Duration::from_secs(30))),
    ("blocking query that names no `wait`, or a short one", CallClass::Blocking(None)),
    ("blocking query with a `wait` of 10 min", CallClass::Blocking(Some(Duration::from_secs(600)))),
    ("stream with heartbeats", CallClass::Stream(StreamHead::Immediate)),
    ("stream without", CallClass::Stream(StreamHead::WithFirstByte)),
    ("change", CallClass::Change),
    ("upgrade", CallClass::Upgrade),
];

#[test]
fn the_page_of_routes_is_the_table_of_routes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/routes.md");
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/routes.md differs from the table of routes. Run `{WRITE}=1 cargo test -p nomad-tests --test nomad routes`, \
         or paste this:\n\n{page}"
    );
}

#[test]
fn every_row_has_a_name_of_its_own_and_a_reason() {
    let mut names: Vec<_> = RouteSpec::all().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RouteSpec::all().count());
    assert!(RouteSpec::all().all(|row| !row.why.is_empty()));
}

fn page() -> String {
    let mut page = format!("{HEAD}\n{CALLS}\n");
    page.push_str("| class | timeout for the first byte | repeated |\n|---|---|---|\n");
    for (name, class) in CLASSES {
        let (limit, repeated) = (limit(class), if class.is_repeatable() { "yes" } else { "no" });
        writeln!(page, "| {name} | {limit} | {repeated} |").unwrap();
    }
    page.push('\n');
    page.push_str("| call | method | path | class | why | requires |\n|---|---|---|---|---|---|\n");
    for row in RouteSpec::all() {
        let (name, why) = (row.name, row.why);
        let (method, path, class, required) = (method(row), path(row), class(row), required(row));
        writeln!(page, "| `{name}` | {method} | {path} | {class} | {why} | {required} |").unwrap();
    }
    write!(page, "\n{TARGETS}\n").unwrap();
    page.push_str(
        "| call | names no agent | named by | relayed | agents | missing node | missing server |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|\n");
    for row in RouteSpec::all() {
        let (scope, keys, relay) = (scope(row), keys(row), relay(row.target.relay));
        let (role, missing) = (role(row.role), &row.target.missing);
        let (name, node, server) = (row.name, missing.node.as_u16(), missing.server.as_u16());
        writeln!(page, "| `{name}` | {scope} | {keys} | {relay} | {role} | {node} | {server} |")
            .unwrap();
    }
    write!(page, "\n{SERVERS}").unwrap();
    page
}

fn limit(class: CallClass) -> String {
    match class.first_byte() {
        FirstByte::After(limit) => format!("{} s", limit.as_secs()),
        FirstByte::WhileAlive(limit) => {
            format!("while the agent answers health checks, {} h at most", limit.as_secs() / 3600)
        }
        FirstByte::Endless => "none: silence is a response".to_owned(),
    }
}

fn method(row: &RouteSpec) -> &'static str {
    match (row.takes, row.sends) {
        (Takes::Any, Sends::Get) => "any, `GET`",
        (Takes::Any, Sends::Put) => "any, `PUT`",
        (Takes::Any, Sends::Post) => "any, `POST`",
        (Takes::Get, _) => "`GET`",
        (Takes::Write, _) => "`PUT`, `POST`",
        (Takes::Post, _) => "`POST`",
    }
}

fn path(row: &RouteSpec) -> String {
    if row.class == RouteClass::Pass { "any other".into() } else { format!("`{}`", row.path) }
}

const fn class(row: &RouteSpec) -> &'static str {
    match row.class {
        RouteClass::Read => "read",
        RouteClass::SlowRead => "slow read",
        RouteClass::Profile => "profile",
        RouteClass::Change => "change",
        RouteClass::Upgrade => "upgrade",
        RouteClass::Pass => "see below",
        RouteClass::Stream(stream) => match stream {
            Stream::Monitor => "stream of an agent's log",
            Stream::Export => "stream of an agent's log file, or a service's journal",
            Stream::Logs => "stream of a task's log, or read",
            Stream::File => "stream of a file, or read",
            Stream::Snapshot => "stream of an allocation's data",
        },
    }
}

/// What the agent requires, and what the gateway requires in addition.
fn required(row: &RouteSpec) -> String {
    let requirement = Requirement::required(row.requires);
    let mut required = match row.requires {
        Requires::AnyToken => "a token that exists".to_owned(),
        Requires::MigrateToken => "another agent's token".to_owned(),
        Requires::ServerDecides => "the server decides".to_owned(),
        _ if requirement == Requirement::NOTHING => "nothing".to_owned(),
        _ => format!("`{}`", requirement.to_string().replace(" or ", "` or `")),
    };
    if let Some(guard) = row.guard {
        write!(required, "; here `{}`", Requirement::required(guard)).unwrap();
    }
    if row.needs_debug {
        required.push_str("; without ACLs `enable_debug`");
    }
    required
}

const fn scope(row: &RouteSpec) -> &'static str {
    match row.target.scope {
        Scope::AnyServer => "any server",
        Scope::AnyClient => "any client agent",
        Scope::SoleServer => "the only server",
        Scope::SoleClient => "the only client agent",
        Scope::Allocation => "the allocation's node",
    }
}

fn keys(row: &RouteSpec) -> String {
    let keys = match row.target.keys {
        TargetKeys::None => "nothing",
        TargetKeys::Allocation => "the path",
        TargetKeys::Node => "`node_id`",
        TargetKeys::Agent => "`node_id`, `server_id`",
        TargetKeys::AgentOrPage => "`node_id`, else `client_id`; `server_id`",
    };
    let body = match row.target.body {
        BodyTarget::Never => "",
        BodyTarget::AfterQuery => ", else the body",
        BodyTarget::BeforeQuery => ", but the body first",
    };
    format!("{keys}{body}")
}

const fn relay(relay: Relay) -> &'static str {
    match relay {
        Relay::Never => "no",
        Relay::Allocation | Relay::Node => "to a node",
        Relay::NodeOrServer => "to a node, to a server",
        Relay::NodeAndMistakesServer => "to a node; to a server it goes wrong",
    }
}

const fn role(role: AgentRole) -> &'static str {
    match role {
        AgentRole::Any => "all",
        AgentRole::Client => "clients",
        AgentRole::Server => "servers",
        AgentRole::ServerOnly => "servers; others say so before they look at the method",
    }
}
