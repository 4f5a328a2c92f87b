//! Reports every fault of the TLS files, by the key that names them.

use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::{parse_x509_certificate, time::ASN1Time};

use super::{
    Authorities, ClientTls, ServerNames, ServerTls, TlsError, Verification, accept,
    connect::{self, ExpectedName},
    pem,
};

/// A fault, and the key of the configuration that it belongs to.
pub(crate) type FileError = (&'static str, TlsError);

/// What is wrong with the files for callers.
pub(crate) fn inspect_server_files(settings: &ServerTls) -> Vec<FileError> {
    let mut found = inspect_pair(&settings.cert_file, &settings.key_file);
    if let Some(file) = &settings.ca_file {
        found.extend(inspect_authorities(&Authorities::File(file.clone())));
    }
    if found.is_empty()
        && let Err(error) = accept::server_config(settings)
    {
        found.push((config_key(&error), error));
    }
    found
}

/// What is wrong with the files for agents.
pub(crate) fn inspect_client_files(settings: &ClientTls) -> Vec<FileError> {
    let own = settings.identity.iter().flat_map(|(cert, key)| inspect_pair(cert, key));
    let signers = match settings.verification {
        Verification::On => inspect_authorities(&settings.authorities),
        Verification::Off => None,
    };
    let mut found: Vec<FileError> = signers.into_iter().chain(own).collect();
    let ServerNames { servers, clients } = &settings.server_names;
    for (key, name) in [("tls_server_name", servers), ("tls_client_name", clients)] {
        found.extend(ExpectedName::from_setting(name).err().map(|error| (key, error)));
    }
    if found.is_empty()
        && let Err(error) = connect::client_config(settings)
    {
        found.push((config_key(&error), error));
    }
    found
}

fn config_key(error: &TlsError) -> &'static str {
    match error {
        TlsError::NoUsableSuite { .. } => "tls_cipher_suites",
        TlsError::Authority { .. } | TlsError::NoAuthority => "ca_file",
        _ => "key_file",
    }
}

/// A certificate and its key.
fn inspect_pair(cert: &Path, key: &Path) -> Vec<FileError> {
    let chain = pem::certificates(cert);
    // Later ones lead to an authority; the first is the one that is shown.
    let dates = chain.as_ref().ok().and_then(|chain| check_validity(cert, chain.first()?).err());
    let unread = chain.err().or(dates).map(|error| ("cert_file", error));
    unread.into_iter().chain(pem::key(key).err().map(|error| ("key_file", error))).collect()
}

fn inspect_authorities(authorities: &Authorities) -> Option<FileError> {
    let (key, file) = match authorities {
        Authorities::File(file) => ("ca_file", Some(file)),
        Authorities::Folder(_) => ("ca_path", None),
        Authorities::System => ("ca_file", None),
    };
    if let Err(error) = authorities.read() {
        return Some((key, error));
    }
    let file = file?;
    // A bundle may hold some that have ended; when all have, nobody is trusted.
    let mut ended = None;
    for authority in &pem::certificates(file).ok()? {
        ended = Some(check_validity(file, authority).err()?);
    }
    ended.map(|error| (key, error))
}

/// Whether a certificate holds today. What cannot be read is for whoever uses it to complain about.
fn check_validity(file: &Path, certificate: &CertificateDer<'_>) -> Result<(), TlsError> {
    let Ok((_, certificate)) = parse_x509_certificate(certificate) else { return Ok(()) };
    let validity = certificate.validity();
    let now = ASN1Time::now();
    if now > validity.not_after {
        let file = file.to_owned();
        return Err(TlsError::Expired { file, on: format_time(validity.not_after) });
    }
    if now < validity.not_before {
        let file = file.to_owned();
        return Err(TlsError::NotYetValid { file, on: format_time(validity.not_before) });
    }
    Ok(())
}

/// Logs that a certificate does not hold today. It is shown all the same: what to think of it is up to the other side.
pub(super) fn warn_if_not_valid(file: &Path) {
    let first = pem::certificates(file).ok().and_then(|chain| chain.into_iter().next());
    if let Some(Err(error)) = first.map(|first| check_validity(file, &first)) {
        tracing::warn!(error = %error, "a certificate does not hold");
    }
}

fn format_time(time: ASN1Time) -> String {
    Timestamp::from_second(time.timestamp())
        .map_or_else(|_| time.to_string(), |time| time.to_string())
}
