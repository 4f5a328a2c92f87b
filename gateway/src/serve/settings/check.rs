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

use super::{AclMode, AclSettings, Address, ConsulSettings, Dates, NodeSettings, ServeSettings};
use crate::{
    cli::Level,
    client_address::TrustedProxies,
    config::{Fault, Faults, Node, Section},
    cors::Origins,
    rewrite::HttpAddr,
    workers,
};

/// The port of Nomad's HTTP API.
const HTTP_PORT: u16 = 4646;

/// An agent allows 100 connections from one address by default, and the gateway's own questions need eight of them.
const CONNECTIONS_PER_AGENT: usize = 88;

/// Longer than most answers take, and shorter than supervisors wait: streams never end by themselves.
const DRAIN: Duration = Duration::from_secs(20);

/// As long as Nomad's own agents remember a token.
const TOKEN_TTL: Duration = Duration::from_secs(30);

/// No machine of today runs more at once, and each has a runtime of its own.
const MAX_WORKERS: usize = 1_024;

pub(super) fn checked(whole: &Node, dates: Dates) -> Result<ServeSettings, Vec<Fault>> {
    let faults = Faults::default();
    let settings = {
        let top = Section::of(String::new(), whole, &faults);
        settings(&top, dates)
    };
    let mut faults = faults.into_inner();
    if faults.is_empty() {
        return Ok(settings);
    }
    // In the order of the text.
    faults.sort_by(|one, two| one.place.cmp(&two.place));
    Err(faults)
}

/// Reads everything before it gives up, so that every fault is found.
fn settings(top: &Section<'_>, dates: Dates) -> ServeSettings {
    let nomad = top.block("nomad");
    let listen = listen(top);
    let addresses = addresses(&nomad, &listen);
    let servers = servers(top, &listen);
    let limits = limits(top);
    let nodes = nodes(top);
    let agents = addresses.iter().chain(servers.iter().map(|(_, address)| address));
    let agents = agents.chain(nodes.iter().map(|node| &node.address));
    let agent_tls = tls::of_agents(&nomad, agents, dates);
    if addresses.is_empty() && servers.is_empty() && !nomad.has("address") && !top.has("servers") {
        top.complain(
            "nomad",
            "say where a server is: nomad.address, servers, --address or NOMAD_ADDR",
        );
    }
    ServeSettings {
        listen,
        region: top.text("region"),
        token: nomad.text("token").map(SecretId::new),
        addresses,
        servers,
        consul: consul(top),
        nodes,
        http_port: nomad.number("http_port").unwrap_or(HTTP_PORT),
        acl: acl(top),
        rewrite_http_addr: word(top, "rewrite_http_addr", &REWRITES).unwrap_or(HttpAddr::Off),
        origins: origins(top),
        share_blocking_queries: top.flag("share_blocking_queries").unwrap_or(true),
        connections_per_agent: limits.per_agent,
        connections_per_client: limits.per_client,
        proxy_protocol: proxy_protocol(top),
        trusted_proxies: trusted_proxies(top),
        handshake_limit: limits.handshake,
        tell_denied: top.flag("tell_denied").unwrap_or(false),
        tls: tls::of_callers(&top.block("tls"), dates),
        agent_tls,
        access_log: top.text("access_log").map(PathBuf::from),
        drain: top.duration("drain").unwrap_or(DRAIN),
        worker_threads: worker_threads(top),
        log_level: log_level(top),
    }
}

const REWRITES: [(&str, HttpAddr); 3] =
    [("off", HttpAddr::Off), ("blank", HttpAddr::Blank), ("self", HttpAddr::Gateway)];

const MODES: [(&str, AclMode); 2] = [("enforce", AclMode::Enforce), ("defer", AclMode::Defer)];

/// Every address of `addresses.http`, as Nomad separates them, or `bind_addr`; all with one port.
fn listen(top: &Section<'_>) -> Vec<SocketAddr> {
    let own = top.parsed::<IpAddr>("bind_addr").unwrap_or_else(|| Ipv4Addr::LOCALHOST.into());
    let port = top.block("ports").number("http").unwrap_or(HTTP_PORT);
    let addresses = top.block("addresses");
    let written = addresses.text("http").unwrap_or_default();
    let mut found = Vec::new();
    for text in written.split_whitespace() {
        match text.parse() {
            Ok(ip) => found.push(SocketAddr::new(ip, port)),
            Err(_) => addresses.complain(
                "http",
                format_args!("{text:?} is no IP address; templates are not read"),
            ),
        }
    }
    if found.is_empty() {
        found.push(SocketAddr::new(own, port));
    }
    found
}

fn addresses(nomad: &Section<'_>, listen: &[SocketAddr]) -> Vec<Address> {
    let mut found: Vec<Address> = nomad.parsed("address").into_iter().collect();
    for text in nomad.texts("addresses") {
        match text.parse() {
            Ok(address) => found.push(address),
            Err(error) => nomad.complain("addresses", format_args!("{text:?} {error}")),
        }
    }
    if found.iter().any(|address| is_itself(address, listen)) {
        nomad.complain("address", "is where the gateway itself listens");
    }
    found
}

/// A gateway that asks itself would ask for ever.
fn is_itself(address: &Address, listen: &[SocketAddr]) -> bool {
    let ip = address.host.parse::<IpAddr>();
    let ip = ip.ok().or_else(|| (address.host == "localhost").then(|| Ipv4Addr::LOCALHOST.into()));
    let is_same = |own: &SocketAddr, ip: IpAddr| {
        own.port() != 0
            && own.port() == address.port
            && (ip == own.ip() || (ip.is_loopback() && own.ip().is_unspecified()))
    };
    ip.is_some_and(|ip| listen.iter().any(|own| is_same(own, ip)))
}

fn servers(top: &Section<'_>, listen: &[SocketAddr]) -> Vec<(String, Address)> {
    let mut found = Vec::new();
    for (name, text) in top.strings("servers") {
        match text.parse::<Address>() {
            Ok(address) if is_itself(&address, listen) => {
                top.complain("servers", format_args!("{name} is where the gateway itself listens"));
            }
            Ok(address) => found.push((name, address)),
            Err(error) => top.complain("servers", format_args!("{name} {error}")),
        }
    }
    found
}

fn nodes(top: &Section<'_>) -> Vec<NodeSettings> {
    let mut found = Vec::new();
    for (name, node) in top.labelled("node") {
        let (id, address) = (node.parsed("id"), node.parsed("address"));
        for key in ["id", "address"] {
            if !node.has(key) {
                node.complain(key, "must be set");
            }
        }
        if let (Some(id), Some(address)) = (id, address) {
            found.push(NodeSettings { name, id, address });
        }
    }
    found
}

fn trusted_proxies(top: &Section<'_>) -> TrustedProxies {
    let texts = top.texts("trusted_proxies");
    TrustedProxies::parse(texts.iter().map(String::as_str)).unwrap_or_else(|(text, error)| {
        top.complain("trusted_proxies", format_args!("{text:?} {error}"));
        TrustedProxies::default()
    })
}

/// Believing anybody is possible, and has to be written.
fn proxy_protocol(top: &Section<'_>) -> bool {
    let is_on = top.flag("proxy_protocol").unwrap_or(false);
    if is_on && top.texts("trusted_proxies").is_empty() {
        let text = "needs trusted_proxies: only they may say whose a connection is";
        top.complain("proxy_protocol", text);
    }
    is_on
}

fn origins(top: &Section<'_>) -> Option<Origins> {
    if !top.has("cors") {
        return None;
    }
    let cors = top.block("cors");
    if !cors.has("allowed_origins") {
        cors.complain("allowed_origins", "must be set; [] allows none");
    }
    let mut origins = Origins::default();
    for text in cors.texts("allowed_origins") {
        if let Err(error) = origins.add(&text) {
            cors.complain("allowed_origins", format_args!("{text:?} {error}"));
        }
    }
    Some(origins)
}

fn consul(top: &Section<'_>) -> Option<ConsulSettings> {
    if !top.has("consul") {
        return None;
    }
    let consul = top.block("consul");
    if !consul.has("address") {
        consul.complain("address", "must be set");
    }
    let address = consul.parsed::<Address>("address");
    if address.as_ref().is_some_and(|address| address.transport == Transport::Tls) {
        consul.complain("address", "https:// is not supported: ask the Consul agent of this host");
    }
    let token = consul.text("token").map(SecretId::new);
    let service = consul.text("server_service_name").unwrap_or_else(|| "nomad".to_owned());
    Some(ConsulSettings { address: address?, token, service })
}

fn acl(top: &Section<'_>) -> AclSettings {
    let acl = top.block("acl");
    AclSettings {
        enabled: acl.flag("enabled").unwrap_or(true),
        mode: word(&acl, "mode", &MODES).unwrap_or(AclMode::Enforce),
        token_ttl: acl.duration("token_ttl").unwrap_or(TOKEN_TTL),
    }
}

/// How much agents and callers get.
struct Limits {
    per_agent: usize,
    per_client: usize,
    handshake: Option<Duration>,
}

fn limits(top: &Section<'_>) -> Limits {
    let limits = top.block("limits");
    let per_agent = limits.number("connections_per_agent");
    if per_agent == Some(0) {
        limits.complain("connections_per_agent", "must be at least 1");
    }
    let handshake = limits.duration("https_handshake_timeout");
    if handshake == Some(Duration::ZERO) {
        let text = "must be more than 0: who never ends a handshake holds a place";
        limits.complain("https_handshake_timeout", text);
    }
    Limits {
        per_agent: per_agent.unwrap_or(CONNECTIONS_PER_AGENT),
        // Many callers may have one address: that of the balancer or the network that they come from.
        per_client: limits.number("http_max_conns_per_client").unwrap_or(0),
        handshake,
    }
}

fn worker_threads(top: &Section<'_>) -> usize {
    let written = top.number("worker_threads");
    if written.is_some_and(|threads| !(1..=MAX_WORKERS).contains(&threads)) {
        top.complain("worker_threads", format_args!("must be from 1 to {MAX_WORKERS}"));
    }
    written.unwrap_or_else(|| workers::cores().min(MAX_WORKERS))
}

fn log_level(top: &Section<'_>) -> LevelFilter {
    let level = top.text("log_level").and_then(|text| {
        let level = <Level as clap::ValueEnum>::from_str(&text, true);
        level
            .map_err(|_| {
                top.complain("log_level", "must be trace, debug, info, warn, error or off")
            })
            .ok()
    });
    level.unwrap_or(Level::Warn).into()
}

/// One of a few words.
fn word<T: Copy>(section: &Section<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let text = section.text(key)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        section.complain(key, format_args!("must be one of {}", known.join(", ")));
    }
    found.map(|(_, value)| *value)
}
