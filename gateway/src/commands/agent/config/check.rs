//! What was written → what is true.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use nomad_agent::{AgentConfig, GossipKey, Role};
use nomad_wire::query::LogLevel;

use super::{Advertise, Bind, RetryJoin, Settings, allocation, api, external_settings};
use crate::config::{ConfigNode, Diagnostic, Diagnostics, Section};

/// The longest pause between two attempts to join, as in Nomad.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) fn validate(whole: &ConfigNode) -> Result<Settings, Vec<Diagnostic>> {
    let faults = Diagnostics::default();
    let settings = {
        let top = Section::new(String::new(), whole, &faults);
        parse_settings(&top)
    };
    let faults = faults.into_inner();
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(faults),
    }
}

/// Reads everything before it gives up, so that every fault is found.
fn parse_settings(top: &Section<'_>) -> Option<Settings> {
    let (server, client) = (top.block("server"), top.block("client"));
    let role = parse_role(top, &server, &client);
    let bind = parse_bind(top);
    let advertise = parse_advertise(top, &bind);
    let data_dir = parse_data_dir(top);
    let (retry_join, encrypt) = parse_server(&server);
    let servers = parse_client(&client, role);
    let allocations = allocation::parse_allocations(top, role);
    let (tokens, replication_token) = parse_acl(top);
    let api = api::parse_api(top);
    let leave = |key| top.boolean(key).unwrap_or(true);
    let (on_interrupt, on_terminate) = (leave("leave_on_interrupt"), leave("leave_on_terminate"));
    let shown = external_settings::external_settings(top, &api, replication_token)
        .with(&["LeaveOnInt"], on_interrupt)
        .with(&["LeaveOnTerm"], on_terminate);
    let name = parse_name(top);
    let config = AgentConfig {
        region: top.string("region").unwrap_or_else(|| "global".to_owned()),
        datacenter: top.string("datacenter").unwrap_or_else(|| "dc1".to_owned()),
        data_dir,
        alloc_dir: client.string("alloc_dir").map(PathBuf::from),
        disable_remote_exec: client.boolean("disable_remote_exec").unwrap_or(false),
        enable_debug: top.boolean("enable_debug").unwrap_or(false),
        log_level: parse_log_level(top),
        log_file: top.string("log_file").map(PathBuf::from),
        log_json: top.boolean("log_json").unwrap_or(false),
        meta: client.string_map("meta"),
        acl_enabled: tokens.is_some(),
        response_headers: api::parse_response_headers(top),
        external_settings: shown,
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
        options: client.string_map("options"),
        api,
        tokens,
        leave_on_interrupt: on_interrupt,
        leave_on_terminate: on_terminate,
        allocations,
    };
    role.map(|_| settings)
}

fn parse_role(top: &Section<'_>, server: &Section<'_>, client: &Section<'_>) -> Option<Role> {
    let on = |section: &Section<'_>| section.boolean("enabled").unwrap_or(false);
    match (on(server), on(client)) {
        (true, true) => Some(Role::Both),
        (true, false) => Some(Role::Server),
        (false, true) => Some(Role::Client),
        (false, false) => {
            top.report(
                "server",
                "enable a server, a client, or both (server.enabled, client.enabled)",
            );
            None
        }
    }
}

fn parse_name(top: &Section<'_>) -> String {
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = top.string("name").unwrap_or_else(host);
    check_name(top, "name", &name);
    name
}

/// Names stand in headers, in paths and in `name.region`.
fn check_name(top: &Section<'_>, key: &'static str, name: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_plain) {
        top.report(key, format_args!("{name:?} must be 1 to 128 letters, digits, '-', '_' or '.'"));
    }
}

fn parse_data_dir(top: &Section<'_>) -> Option<PathBuf> {
    let dir = top.string("data_dir").map(PathBuf::from);
    match &dir {
        None => top.report("data_dir", "must be set, or given with --data-dir"),
        Some(dir) if !dir.is_absolute() => top.report("data_dir", "must be an absolute path"),
        Some(_) => {}
    }
    dir
}

fn parse_bind(top: &Section<'_>) -> Bind {
    let own: IpAddr = top.parse("bind_addr").unwrap_or(LOOPBACK);
    let (addresses, ports) = (top.block("addresses"), top.block("ports"));
    let one = |key: &'static str, port: u16| {
        let ip = addresses.parse(key).unwrap_or(own);
        SocketAddr::new(ip, ports.number(key).unwrap_or(port))
    };
    let port = ports.number("http").unwrap_or(4646);
    let http = parse_http_addresses(&addresses).unwrap_or_else(|| vec![own]);
    let http = http.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    Bind { http, rpc: one("rpc", 4647), serf: one("serf", 4648) }
}

/// As in Nomad the HTTP API, and nothing else, may have several addresses, with spaces between them.
fn parse_http_addresses(addresses: &Section<'_>) -> Option<Vec<IpAddr>> {
    let written = addresses.string("http")?;
    let read: Result<Vec<_>, _> = written.split_whitespace().map(str::parse).collect();
    match read {
        Ok(read) if !read.is_empty() => Some(read),
        _ => {
            addresses.report("http", "must be an IP address, or several with spaces between");
            None
        }
    }
}

fn parse_advertise(top: &Section<'_>, bind: &Bind) -> Advertise {
    let advertise = top.block("advertise");
    let one = |key: &'static str, bound: IpAddr| {
        let written = advertise.string(key);
        let read = written.as_deref().map(|text| {
            let alone = text.parse::<IpAddr>().ok().map(|ip| (ip, None));
            let full = || Some(text.parse::<SocketAddr>().ok()).flatten();
            alone.or_else(|| full().map(|address| (address.ip(), Some(address.port()))))
        });
        match read {
            Some(None) => advertise.report(key, "must be an IP address, with or without a port"),
            None if bound.is_unspecified() => {
                advertise
                    .report(key, format_args!("must be set, for {bound} is no address to reach"));
            }
            _ => {}
        }
        read.flatten()
    };
    Advertise {
        http: one("http", bind.http.first().map_or(LOOPBACK, SocketAddr::ip)),
        rpc: one("rpc", bind.rpc.ip()),
        serf: one("serf", bind.serf.ip()),
    }
}

fn parse_server(server: &Section<'_>) -> (RetryJoin, Option<GossipKey>) {
    let join = server.block("server_join");
    let mut addresses = server.string_list("retry_join");
    addresses.extend(join.string_list("retry_join"));
    let interval = join.duration("retry_interval").or_else(|| server.duration("retry_interval"));
    let attempts = join.number("retry_max").or_else(|| server.number("retry_max"));
    let retry_join = RetryJoin {
        addresses,
        interval: interval.unwrap_or(RETRY_INTERVAL),
        attempts: attempts.unwrap_or(0),
    };
    (retry_join, server.parse("encrypt"))
}

fn parse_client(client: &Section<'_>, role: Option<Role>) -> Vec<String> {
    let mut servers = client.string_list("servers");
    servers.extend(client.block("server_join").string_list("retry_join"));
    if role == Some(Role::Client) && servers.is_empty() {
        client.report("servers", "a client that is no server needs the RPC address of one");
    }
    servers
}

/// `acl { enabled = true, tokens_file = … }`: there is no replicated state here that tokens could be kept in, so they
/// stand in a file. The replication token is only shown, and the rest of Nomad's block is for servers that keep tokens.
fn parse_acl(top: &Section<'_>) -> (Option<PathBuf>, Option<String>) {
    let acl = top.block("acl");
    let is_on = acl.boolean("enabled").unwrap_or(false);
    let file = acl.string("tokens_file").map(PathBuf::from);
    if is_on && file.is_none() {
        acl.report("tokens_file", "must be set: a JSON file with the policies and the tokens");
    }
    (file.filter(|_| is_on), acl.string("replication_token"))
}

fn parse_log_level(top: &Section<'_>) -> LogLevel {
    let Some(name) = top.string("log_level") else { return LogLevel::Info };
    match name.trim().to_ascii_lowercase().as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        "off" => LogLevel::Off,
        _ => {
            top.report("log_level", "must be trace, debug, info, warn, error or off");
            LogLevel::Info
        }
    }
}
