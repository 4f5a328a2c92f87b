//! What was written → what is true.

mod tls;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use nomad_forward::Transport;
use nomad_wire::SecretId;
use tracing::level_filters::LevelFilter;

use super::{
    AclMode, AclSettings, AgentAddress, ConsulSettings, NodeSettings, ServeSettings, ValidityCheck,
};
use crate::{
    commands::cli::LogLevelArg,
    config::{ConfigNode, Diagnostic, Diagnostics, Section},
    proxy::{client_address::TrustedProxies, cors::Origins, rewrite::HttpAddrMode},
    server::workers,
};

/// The port of Nomad's HTTP API.
const HTTP_PORT: u16 = 4646;

/// An agent allows 100 connections from one address by default, and the gateway's own questions need eight of them.
const MAX_CONNECTIONS_PER_AGENT: usize = 88;

/// Longer than most answers take, and shorter than supervisors wait: streams never end by themselves.
const DRAIN: Duration = Duration::from_secs(20);

/// As long as Nomad's own agents remember a token.
const TOKEN_TTL: Duration = Duration::from_secs(30);

/// No machine of today runs more at once, and each has a runtime of its own.
const MAX_WORKERS: usize = 1_024;

pub(super) fn validate(
    whole: &ConfigNode,
    dates: ValidityCheck,
) -> Result<ServeSettings, Vec<Diagnostic>> {
    let faults = Diagnostics::default();
    let settings = {
        let top = Section::new(String::new(), whole, &faults);
        parse_settings(&top, dates)
    };
    let mut faults = faults.into_inner();
    if faults.is_empty() {
        return Ok(settings);
    }
    // In the order of the text.
    faults.sort_by(|one, two| one.location.cmp(&two.location));
    Err(faults)
}

/// Reads everything before it gives up, so that every fault is found.
fn parse_settings(top: &Section<'_>, dates: ValidityCheck) -> ServeSettings {
    let nomad = top.block("nomad");
    let listen = parse_listen(top);
    let addresses = parse_addresses(&nomad, &listen);
    let servers = parse_servers(top, &listen);
    let limits = parse_limits(top);
    let nodes = parse_nodes(top);
    let agents = addresses.iter().chain(servers.iter().map(|(_, address)| address));
    let agents = agents.chain(nodes.iter().map(|node| &node.address));
    let agent_tls = tls::parse_client_tls(&nomad, agents, dates);
    if addresses.is_empty() && servers.is_empty() && !nomad.has("address") && !top.has("servers") {
        top.report(
            "nomad",
            "say where a server is: nomad.address, servers, --address or NOMAD_ADDR",
        );
    }
    ServeSettings {
        listen,
        region: top.string("region"),
        token: nomad.string("token").map(SecretId::new),
        addresses,
        servers,
        consul: parse_consul(top),
        nodes,
        http_port: nomad.number("http_port").unwrap_or(HTTP_PORT),
        acl: parse_acl(top),
        rewrite_http_addr: parse_keyword(top, "rewrite_http_addr", &REWRITES)
            .unwrap_or(HttpAddrMode::Off),
        origins: parse_origins(top),
        coalesce_blocking_queries: top.boolean("share_blocking_queries").unwrap_or(true),
        connections_per_agent: limits.per_agent,
        connections_per_client: limits.per_client,
        proxy_protocol: proxy_protocol(top),
        trusted_proxies: trusted_proxies(top),
        handshake_timeout: limits.handshake_timeout,
        tell_denied: top.boolean("tell_denied").unwrap_or(false),
        tls: tls::parse_server_tls(&top.block("tls"), dates),
        agent_tls,
        access_log: top.string("access_log").map(PathBuf::from),
        drain: top.duration("drain").unwrap_or(DRAIN),
        worker_threads: parse_worker_threads(top),
        log_level: parse_log_level(top),
    }
}

const REWRITES: [(&str, HttpAddrMode); 3] =
    [("off", HttpAddrMode::Off), ("blank", HttpAddrMode::Blank), ("self", HttpAddrMode::Gateway)];

const MODES: [(&str, AclMode); 2] = [("enforce", AclMode::Enforce), ("defer", AclMode::Defer)];

/// Every address of `addresses.http`, as Nomad separates them, or `bind_addr`; all with one port.
fn parse_listen(top: &Section<'_>) -> Vec<SocketAddr> {
    let own = top.parse::<IpAddr>("bind_addr").unwrap_or_else(|| Ipv4Addr::LOCALHOST.into());
    let port = top.block("ports").number("http").unwrap_or(HTTP_PORT);
    let addresses = top.block("addresses");
    let written = addresses.string("http").unwrap_or_default();
    let mut found = Vec::new();
    for text in written.split_whitespace() {
        match text.parse() {
            Ok(ip) => found.push(SocketAddr::new(ip, port)),
            Err(_) => addresses
                .report("http", format_args!("{text:?} is no IP address; templates are not read")),
        }
    }
    if found.is_empty() {
        found.push(SocketAddr::new(own, port));
    }
    found
}

fn parse_addresses(nomad: &Section<'_>, listen: &[SocketAddr]) -> Vec<AgentAddress> {
    let mut found: Vec<AgentAddress> = nomad.parse("address").into_iter().collect();
    for text in nomad.string_list("addresses") {
        match text.parse() {
            Ok(address) => found.push(address),
            Err(error) => nomad.report("addresses", format_args!("{text:?} {error}")),
        }
    }
    if found.iter().any(|address| is_own_address(address, listen)) {
        nomad.report("address", "is where the gateway itself listens");
    }
    found
}

/// A gateway that asks itself would ask for ever.
fn is_own_address(address: &AgentAddress, listen: &[SocketAddr]) -> bool {
    let ip = address.host.parse::<IpAddr>();
    let ip = ip.ok().or_else(|| (address.host == "localhost").then(|| Ipv4Addr::LOCALHOST.into()));
    let is_same = |own: &SocketAddr, ip: IpAddr| {
        own.port() != 0
            && own.port() == address.port
            && (ip == own.ip() || (ip.is_loopback() && own.ip().is_unspecified()))
    };
    ip.is_some_and(|ip| listen.iter().any(|own| is_same(own, ip)))
}

fn parse_servers(top: &Section<'_>, listen: &[SocketAddr]) -> Vec<(String, AgentAddress)> {
    let mut found = Vec::new();
    for (name, text) in top.string_map("servers") {
        match text.parse::<AgentAddress>() {
            Ok(address) if is_own_address(&address, listen) => {
                top.report("servers", format_args!("{name} is where the gateway itself listens"));
            }
            Ok(address) => found.push((name, address)),
            Err(error) => top.report("servers", format_args!("{name} {error}")),
        }
    }
    found
}

fn parse_nodes(top: &Section<'_>) -> Vec<NodeSettings> {
    let mut found = Vec::new();
    for (name, node) in top.labelled("node") {
        let (id, address) = (node.parse("id"), node.parse("address"));
        for key in ["id", "address"] {
            if !node.has(key) {
                node.report(key, "must be set");
            }
        }
        if let (Some(id), Some(address)) = (id, address) {
            found.push(NodeSettings { name, id, address });
        }
    }
    found
}

fn trusted_proxies(top: &Section<'_>) -> TrustedProxies {
    let string_list = top.string_list("trusted_proxies");
    TrustedProxies::parse(string_list.iter().map(String::as_str)).unwrap_or_else(|(text, error)| {
        top.report("trusted_proxies", format_args!("{text:?} {error}"));
        TrustedProxies::default()
    })
}

/// Believing anybody is possible, and has to be written.
fn proxy_protocol(top: &Section<'_>) -> bool {
    let is_on = top.boolean("proxy_protocol").unwrap_or(false);
    if is_on && top.string_list("trusted_proxies").is_empty() {
        let text = "needs trusted_proxies: only they may say whose a connection is";
        top.report("proxy_protocol", text);
    }
    is_on
}

fn parse_origins(top: &Section<'_>) -> Option<Origins> {
    if !top.has("cors") {
        return None;
    }
    let cors = top.block("cors");
    if !cors.has("allowed_origins") {
        cors.report("allowed_origins", "must be set; [] allows none");
    }
    let mut origins = Origins::default();
    for text in cors.string_list("allowed_origins") {
        if let Err(error) = origins.add(&text) {
            cors.report("allowed_origins", format_args!("{text:?} {error}"));
        }
    }
    Some(origins)
}

fn parse_consul(top: &Section<'_>) -> Option<ConsulSettings> {
    if !top.has("consul") {
        return None;
    }
    let consul = top.block("consul");
    if !consul.has("address") {
        consul.report("address", "must be set");
    }
    let address = consul.parse::<AgentAddress>("address");
    if address.as_ref().is_some_and(|address| address.transport == Transport::Tls) {
        consul.report("address", "https:// is not supported: ask the Consul agent of this host");
    }
    let token = consul.string("token").map(SecretId::new);
    let service = consul.string("server_service_name").unwrap_or_else(|| "nomad".to_owned());
    Some(ConsulSettings { address: address?, token, service })
}

fn parse_acl(top: &Section<'_>) -> AclSettings {
    let acl = top.block("acl");
    AclSettings {
        enabled: acl.boolean("enabled").unwrap_or(true),
        mode: parse_keyword(&acl, "mode", &MODES).unwrap_or(AclMode::Enforce),
        token_ttl: acl.duration("token_ttl").unwrap_or(TOKEN_TTL),
    }
}

/// How much agents and callers get.
struct Limits {
    per_agent: usize,
    per_client: usize,
    handshake_timeout: Option<Duration>,
}

fn parse_limits(top: &Section<'_>) -> Limits {
    let limits = top.block("limits");
    let per_agent = limits.number("connections_per_agent");
    if per_agent == Some(0) {
        limits.report("connections_per_agent", "must be at least 1");
    }
    let handshake = limits.duration("https_handshake_timeout");
    if handshake == Some(Duration::ZERO) {
        let text = "must be more than 0: who never ends a handshake holds a place";
        limits.report("https_handshake_timeout", text);
    }
    Limits {
        per_agent: per_agent.unwrap_or(MAX_CONNECTIONS_PER_AGENT),
        // Many callers may have one address: that of the balancer or the network that they come from.
        per_client: limits.number("http_max_conns_per_client").unwrap_or(0),
        handshake_timeout: handshake,
    }
}

fn parse_worker_threads(top: &Section<'_>) -> usize {
    let written = top.number("worker_threads");
    if written.is_some_and(|threads| !(1..=MAX_WORKERS).contains(&threads)) {
        top.report("worker_threads", format_args!("must be from 1 to {MAX_WORKERS}"));
    }
    written.unwrap_or_else(|| workers::cores().min(MAX_WORKERS))
}

fn parse_log_level(top: &Section<'_>) -> LevelFilter {
    let level = top.string("log_level").and_then(|text| {
        let level = <LogLevelArg as clap::ValueEnum>::from_str(&text, true);
        level
            .map_err(|_| top.report("log_level", "must be trace, debug, info, warn, error or off"))
            .ok()
    });
    level.unwrap_or(LogLevelArg::Warn).into()
}

/// One of a few words.
fn parse_keyword<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Option<T> {
    let text = section.string(key)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        section.report(key, format_args!("must be one of {}", known.join(", ")));
    }
    found.map(|(_, value)| *value)
}
