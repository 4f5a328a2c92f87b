//! What was written → what is true.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use nomad_agent::{AgentConfig, GossipKey, Role};
use nomad_wire::query::LogLevel;

use super::{Advertise, Bind, RetryJoin, Settings, allocation};
use crate::config::{Fault, Faults, Node, Section};

/// The longest pause between two attempts to join, as in Nomad.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// As many connections as Nomad allows one address by default.
const CONNECTIONS_PER_CLIENT: usize = 100;

pub(super) fn checked(whole: &Node) -> Result<Settings, Vec<Fault>> {
    let faults = Faults::default();
    let settings = {
        let top = Section::of(String::new(), whole, &faults);
        settings(&top)
    };
    let faults = faults.into_inner();
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(faults),
    }
}

/// Reads everything before it gives up, so that every fault is found.
fn settings(top: &Section<'_>) -> Option<Settings> {
    let (server, client) = (top.block("server"), top.block("client"));
    let role = role(top, &server, &client);
    let bind = bind(top);
    let advertise = advertise(top, bind);
    let data_dir = data_dir(top);
    let (retry_join, encrypt) = server_part(&server);
    let servers = client_part(&client, role);
    let allocations = allocation::all(top, role);
    no_acl(top);
    let connections_per_client = limits(top);
    let name = name(top);
    let config = AgentConfig {
        region: top.text("region").unwrap_or_else(|| "global".to_owned()),
        datacenter: top.text("datacenter").unwrap_or_else(|| "dc1".to_owned()),
        data_dir,
        alloc_dir: client.text("alloc_dir").map(PathBuf::from),
        enable_debug: top.flag("enable_debug").unwrap_or(false),
        log_level: log_level(top),
        log_file: top.text("log_file").map(PathBuf::from),
        log_json: top.flag("log_json").unwrap_or(false),
        meta: client.strings("meta"),
        ..AgentConfig::new(name, role.unwrap_or(Role::Both))
    };
    check_name(top, "region", &config.region);
    let settings = Settings {
        agent: config,
        bind,
        advertise,
        retry_join,
        encrypt,
        servers,
        options: client.strings("options"),
        connections_per_client,
        leave_on_interrupt: top.flag("leave_on_interrupt").unwrap_or(true),
        leave_on_terminate: top.flag("leave_on_terminate").unwrap_or(true),
        allocations,
    };
    role.map(|_| settings)
}

fn role(top: &Section<'_>, server: &Section<'_>, client: &Section<'_>) -> Option<Role> {
    let on = |section: &Section<'_>| section.flag("enabled").unwrap_or(false);
    match (on(server), on(client)) {
        (true, true) => Some(Role::Both),
        (true, false) => Some(Role::Server),
        (false, true) => Some(Role::Client),
        (false, false) => {
            top.complain(
                "server",
                "enable a server, a client, or both (server.enabled, client.enabled)",
            );
            None
        }
    }
}

fn name(top: &Section<'_>) -> String {
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = top.text("name").unwrap_or_else(host);
    check_name(top, "name", &name);
    name
}

/// Names stand in headers, in paths and in `name.region`.
fn check_name(top: &Section<'_>, key: &'static str, name: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_plain) {
        top.complain(
            key,
            format_args!("{name:?} must be 1 to 128 letters, digits, '-', '_' or '.'"),
        );
    }
}

fn data_dir(top: &Section<'_>) -> Option<PathBuf> {
    let dir = top.text("data_dir").map(PathBuf::from);
    match &dir {
        None => top.complain("data_dir", "must be set, or given with --data-dir"),
        Some(dir) if !dir.is_absolute() => top.complain("data_dir", "must be an absolute path"),
        Some(_) => {}
    }
    dir
}

fn bind(top: &Section<'_>) -> Bind {
    let own: IpAddr = top.parsed("bind_addr").unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (addresses, ports) = (top.block("addresses"), top.block("ports"));
    let one = |key: &'static str, port: u16| {
        let ip = addresses.parsed(key).unwrap_or(own);
        SocketAddr::new(ip, ports.number(key).unwrap_or(port))
    };
    Bind { http: one("http", 4646), rpc: one("rpc", 4647), serf: one("serf", 4648) }
}

fn advertise(top: &Section<'_>, bind: Bind) -> Advertise {
    let advertise = top.block("advertise");
    let one = |key: &'static str, bound: SocketAddr| {
        let written = advertise.text(key);
        let read = written.as_deref().map(|text| {
            let alone = text.parse::<IpAddr>().ok().map(|ip| (ip, None));
            let full = || Some(text.parse::<SocketAddr>().ok()).flatten();
            alone.or_else(|| full().map(|address| (address.ip(), Some(address.port()))))
        });
        match read {
            Some(None) => advertise.complain(key, "must be an IP address, with or without a port"),
            None if bound.ip().is_unspecified() => {
                advertise.complain(
                    key,
                    format_args!("must be set, for {} is no address to reach", bound.ip()),
                );
            }
            _ => {}
        }
        read.flatten()
    };
    Advertise {
        http: one("http", bind.http),
        rpc: one("rpc", bind.rpc),
        serf: one("serf", bind.serf),
    }
}

fn server_part(server: &Section<'_>) -> (RetryJoin, Option<GossipKey>) {
    let join = server.block("server_join");
    let mut addresses = server.texts("retry_join");
    addresses.extend(join.texts("retry_join"));
    let interval = join.duration("retry_interval").or_else(|| server.duration("retry_interval"));
    let attempts = join.number("retry_max").or_else(|| server.number("retry_max"));
    let retry_join = RetryJoin {
        addresses,
        interval: interval.unwrap_or(RETRY_INTERVAL),
        attempts: attempts.unwrap_or(0),
    };
    (retry_join, server.parsed("encrypt"))
}

fn client_part(client: &Section<'_>, role: Option<Role>) -> Vec<String> {
    let mut servers = client.texts("servers");
    servers.extend(client.block("server_join").texts("retry_join"));
    if role == Some(Role::Client) && servers.is_empty() {
        client.complain("servers", "a client that is no server needs the RPC address of one");
    }
    servers
}

fn no_acl(top: &Section<'_>) {
    let acl = top.block("acl");
    if acl.flag("enabled") == Some(true) {
        let text = "a lone agent cannot check tokens yet; only false works";
        acl.complain("enabled", text);
    }
}

/// The others of Nomad's limits are for TLS and RPC, which this agent does not speak; they are read, and change
/// nothing.
fn limits(top: &Section<'_>) -> usize {
    let limits = top.block("limits");
    let _: Option<Duration> = limits.duration("https_handshake_timeout");
    let _: Option<Duration> = limits.duration("rpc_handshake_timeout");
    let _: Option<u32> = limits.number("rpc_max_conns_per_client");
    limits.number("http_max_conns_per_client").unwrap_or(CONNECTIONS_PER_CLIENT)
}

fn log_level(top: &Section<'_>) -> LogLevel {
    let Some(name) = top.text("log_level") else { return LogLevel::Info };
    match name.trim().to_ascii_lowercase().as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        "off" => LogLevel::Off,
        _ => {
            top.complain("log_level", "must be trace, debug, info, warn, error or off");
            LogLevel::Info
        }
    }
}
