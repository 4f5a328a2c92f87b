//! The two blocks about TLS: `tls` for callers, with Nomad's own keys, and `nomad.tls` for agents.

use std::{error::Error, net::IpAddr, path::PathBuf};

use nomad_forward::Transport;

use super::{AgentAddress, ValidityCheck, parse_keyword};
use crate::{
    config::Section,
    server::tls::{
        AgentName, Authorities, ClientCertificates, ClientTls, HttpVersions, MinVersion,
        ServerNames, ServerTls, TlsError, Verification, inspect,
    },
};

const VERSIONS: [(&str, MinVersion); 2] =
    [("tls12", MinVersion::Tls12), ("tls13", MinVersion::Tls13)];

/// `tls { http = true … }`
pub(super) fn parse_server_tls(tls: &Section<'_>, dates: ValidityCheck) -> Option<ServerTls> {
    let is_on = tls.boolean("http").unwrap_or(false);
    let (cert, key) = (path(tls, "cert_file"), path(tls, "key_file"));
    let ca_file = path(tls, "ca_file");
    let min_version = parse_keyword(tls, "tls_min_version", &VERSIONS).unwrap_or_default();
    let cipher_suites = tls.parse("tls_cipher_suites").unwrap_or_default();
    let http = match tls.boolean("http2") {
        Some(false) => HttpVersions::One,
        Some(true) | None => HttpVersions::Both,
    };
    let client_certificates = match (tls.boolean("verify_https_client"), &ca_file) {
        (Some(true), None) => {
            tls.report("ca_file", "must be set: it says whose client certificates are good");
            return None;
        }
        (Some(true), Some(_)) => ClientCertificates::Required,
        (_, Some(_)) => ClientCertificates::Optional,
        (_, None) => ClientCertificates::Ignored,
    };
    if !is_on {
        return None;
    }
    let (Some(cert_file), Some(key_file)) = (cert, key) else {
        tls.report("http", "needs cert_file and key_file");
        return None;
    };
    let settings = ServerTls {
        cert_file,
        key_file,
        ca_file,
        client_certificates,
        http,
        min_version,
        cipher_suites,
    };
    report_file_errors(tls, dates, inspect::inspect_server_files(&settings));
    Some(settings)
}

/// `nomad { tls { ca_file … } }`; none where no agent is known to speak TLS and nothing is said about it.
pub(super) fn parse_client_tls<'a>(
    nomad: &Section<'_>,
    agents: impl Iterator<Item = &'a AgentAddress>,
    dates: ValidityCheck,
) -> Option<ClientTls> {
    let tls = nomad.block("tls");
    let over_tls: Vec<_> = agents.filter(|agent| agent.transport == Transport::Tls).collect();
    let authorities = match (path(&tls, "ca_file"), path(&tls, "ca_path")) {
        (Some(file), _) => Authorities::File(file),
        (None, Some(folder)) => Authorities::Folder(folder),
        (None, None) => Authorities::System,
    };
    let (cert, key) = (path(&tls, "cert_file"), path(&tls, "key_file"));
    let min_version = parse_keyword(&tls, "tls_min_version", &VERSIONS).unwrap_or_default();
    let cipher_suites = tls.parse("tls_cipher_suites").unwrap_or_default();
    let verification = match tls.boolean("skip_verify") {
        Some(true) => Verification::Off,
        Some(false) | None => Verification::On,
    };
    let server_names = parse_server_names(&tls, &authorities, &over_tls);
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            tls.report("cert_file", "and key_file belong together");
            None
        }
    };
    if over_tls.is_empty() && !nomad.has("tls") {
        return None;
    }
    let settings =
        ClientTls { authorities, verification, identity, server_names, min_version, cipher_suites };
    report_file_errors(&tls, dates, inspect::inspect_client_files(&settings));
    Some(settings)
}

/// Authorities of the system sign no names that only a cluster knows: with them the servers have the name that they are
/// called by, as for Nomad's command line.
fn parse_server_names(
    tls: &Section<'_>,
    authorities: &Authorities,
    agents: &[&AgentAddress],
) -> ServerNames {
    let fixed = |key| tls.string(key).map(AgentName::Fixed);
    let called = || {
        let called = agents.iter().find(|agent| agent.host.parse::<IpAddr>().is_err())?;
        (*authorities == Authorities::System).then(|| AgentName::Fixed(called.host.clone()))
    };
    ServerNames {
        servers: fixed("tls_server_name").or_else(called).unwrap_or_default(),
        clients: fixed("tls_client_name").unwrap_or_default(),
    }
}

/// Tells what is wrong with files where they are named.
fn report_file_errors(tls: &Section<'_>, dates: ValidityCheck, found: Vec<inspect::FileError>) {
    for (key, error) in found {
        let is_about_dates =
            matches!(error, TlsError::Expired { .. } | TlsError::NotYetValid { .. });
        if dates == ValidityCheck::Today || !is_about_dates {
            tls.report(key, with_causes(&error));
        }
    }
}

fn with_causes(error: &TlsError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn path(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    section.string(key).map(PathBuf::from)
}
