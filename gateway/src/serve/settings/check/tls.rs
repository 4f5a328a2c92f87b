//! The two blocks about TLS: `tls` for callers, with Nomad's own keys, and `nomad.tls` for agents.

use std::path::PathBuf;

use super::word;
use crate::{
    config::Section,
    tls::{ClientCertificates, ClientTls, HttpVersions, MinVersion, ServerNames, ServerTls},
};

const VERSIONS: [(&str, MinVersion); 2] =
    [("tls12", MinVersion::Tls12), ("tls13", MinVersion::Tls13)];

/// `tls { http = true … }`
pub(super) fn of_callers(tls: &Section<'_>) -> Option<ServerTls> {
    let is_on = tls.flag("http").unwrap_or(false);
    let (cert, key) = (file(tls, "cert_file"), file(tls, "key_file"));
    let ca_file = file(tls, "ca_file");
    let min_version = word(tls, "tls_min_version", &VERSIONS).unwrap_or_default();
    let http = match tls.flag("http2") {
        Some(false) => HttpVersions::One,
        Some(true) | None => HttpVersions::Both,
    };
    let client_certificates = match (tls.flag("verify_https_client"), &ca_file) {
        (Some(true), None) => {
            tls.complain("ca_file", "must be set: it says whose client certificates are good");
            ClientCertificates::Required
        }
        (Some(true), Some(_)) => ClientCertificates::Required,
        (_, Some(_)) => ClientCertificates::Optional,
        (_, None) => ClientCertificates::Ignored,
    };
    if !is_on {
        return None;
    }
    let (Some(cert_file), Some(key_file)) = (cert, key) else {
        tls.complain("http", "needs cert_file and key_file");
        return None;
    };
    Some(ServerTls { cert_file, key_file, ca_file, client_certificates, http, min_version })
}

/// `nomad { tls { ca_file … } }`
pub(super) fn of_agents(nomad: &Section<'_>) -> Option<ClientTls> {
    let tls = nomad.block("tls");
    let (ca_file, cert, key) =
        (file(&tls, "ca_file"), file(&tls, "cert_file"), file(&tls, "key_file"));
    let min_version = word(&tls, "tls_min_version", &VERSIONS).unwrap_or_default();
    let server_names = tls.text("tls_server_name").map_or(ServerNames::Roles, ServerNames::Fixed);
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            tls.complain("cert_file", "and key_file belong together");
            None
        }
    };
    if ca_file.is_none() && nomad.has("tls") {
        tls.complain("ca_file", "must be set: it says who signs the agents' certificates");
    }
    Some(ClientTls { ca_file: ca_file?, identity, server_names, min_version })
}

fn file(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    section.text(key).map(PathBuf::from)
}
