//! How the HTTP API is served: `tls`, `limits`, `http_api_response_headers`.

use std::{fmt::Display, path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::SignedDuration;

use crate::{
    config::Section,
    server::tls::{ClientCertificates, HttpVersions, MinVersion, ServerTls},
};

/// As many connections as Nomad allows one address by default.
const MAX_CONNECTIONS_PER_CLIENT: usize = 100;

/// As long as Nomad waits for a handshake and the first byte of a request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How the HTTP API is served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiSettings {
    /// TLS with callers; plain HTTP if none.
    pub tls: Option<ServerTls>,
    /// How long a caller may take from the connection to the first byte of its request over TLS; for ever if none.
    pub handshake_timeout: Option<Duration>,
    /// Connections that one address may hold at once; any number if 0.
    pub connections_per_client: usize,
}

pub(super) fn parse_api(top: &Section<'_>) -> ApiSettings {
    let limits = top.block("limits");
    // These are for RPC, which this agent does not speak; they are read, and change nothing.
    let _: Option<Duration> = limits.duration("rpc_handshake_timeout");
    let _: Option<u32> = limits.number("rpc_max_conns_per_client");
    ApiSettings {
        tls: parse_tls(&top.block("tls")),
        handshake_timeout: handshake_timeout(&limits),
        connections_per_client: connections_per_client(&limits),
    }
}

/// The refusals of both limits have Nomad's words in them.
fn handshake_timeout(limits: &Section<'_>) -> Option<Duration> {
    const KEY: &str = "https_handshake_timeout";
    let Some(written) = limits.string(KEY) else { return Some(HANDSHAKE_TIMEOUT) };
    let limit = match written.parse::<SignedDuration>() {
        // Go needs no unit to say nothing.
        _ if written == "0" => Duration::ZERO,
        Ok(limit) if limit.is_negative() => {
            limits.report(KEY, "https_handshake_timeout must be >= 0");
            return None;
        }
        Ok(limit) => limit.unsigned_abs(),
        Err(error) => {
            limits.report(KEY, format_args!("error parsing https_handshake_timeout: {error}"));
            return None;
        }
    };
    (!limit.is_zero()).then_some(limit)
}

fn connections_per_client(limits: &Section<'_>) -> usize {
    const KEY: &str = "http_max_conns_per_client";
    let written: Option<i64> = limits.number(KEY);
    written.map_or(MAX_CONNECTIONS_PER_CLIENT, |most| {
        usize::try_from(most).unwrap_or_else(|_| {
            limits.report(KEY, "http_max_conns_per_client must be >= 0");
            MAX_CONNECTIONS_PER_CLIENT
        })
    })
}

/// `tls { http = true … }`. As in Nomad nobody is asked for a certificate unless everybody is.
fn parse_tls(tls: &Section<'_>) -> Option<ServerTls> {
    let file = |key| tls.string(key).map(PathBuf::from);
    let (cert, key, ca_file) = (file("cert_file"), file("key_file"), file("ca_file"));
    let min_version = parse_min_version(tls);
    let cipher_suites = tls.parse("tls_cipher_suites").unwrap_or_default();
    if tls.boolean("rpc") == Some(true) {
        tls.report("rpc", "only the HTTP API speaks TLS here; only false works");
    }
    let client_certificates = match tls.boolean("verify_https_client") {
        Some(true) => ClientCertificates::Required,
        _ => ClientCertificates::Ignored,
    };
    if !tls.boolean("http").unwrap_or(false) {
        return None;
    }
    if client_certificates == ClientCertificates::Required && ca_file.is_none() {
        tls.report("ca_file", "must be set: it says whose client certificates are good");
    }
    let (Some(cert_file), Some(key_file)) = (cert, key) else {
        tls.report("http", "needs cert_file and key_file");
        return None;
    };
    // An agent of Nomad offers nothing else.
    let http = HttpVersions::One;
    Some(ServerTls {
        cert_file,
        key_file,
        ca_file,
        client_certificates,
        http,
        min_version,
        cipher_suites,
    })
}

fn parse_min_version(tls: &Section<'_>) -> MinVersion {
    match tls.string("tls_min_version").as_deref() {
        None | Some("tls12") => MinVersion::Tls12,
        Some("tls13") => MinVersion::Tls13,
        Some(_) => {
            tls.report("tls_min_version", "must be tls12 or tls13");
            MinVersion::default()
        }
    }
}

/// Headers that every answer to a call carries.
pub(super) fn parse_response_headers(top: &Section<'_>) -> HeaderMap {
    const KEY: &str = "http_api_response_headers";
    let mut headers = HeaderMap::new();
    // Their values may be secrets, so only names are told.
    let wrong = |name: &str, what: &str, error: &dyn Display| {
        top.report(KEY, format_args!("the {what} of {name:?} cannot be sent: {error}"));
    };
    for (written, value) in top.string_map(KEY) {
        match (written.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            (Err(error), _) => wrong(&written, "name", &error),
            (_, Err(error)) => wrong(&written, "value", &error),
        }
    }
    headers
}
