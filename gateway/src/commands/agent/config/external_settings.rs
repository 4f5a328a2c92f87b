//! What `GET /v1/agent/self` shows of settings that are those of this program, or of nobody.

use nomad_agent::ExternalSettings;
use serde_json::{Value, json};

use super::ApiSettings;
use crate::{
    config::Section,
    server::tls::{ClientCertificates, MinVersion},
};

/// Under Nomad's names. Three secrets of Nomad's configuration are taken that this agent has no use for, so that a
/// configuration that is brought along is shown, with them redacted, as Nomad shows it.
pub(super) fn external_settings(
    top: &Section<'_>,
    api: &ApiSettings,
    replication_token: Option<String>,
) -> ExternalSettings {
    let (consul, telemetry) = (top.block("consul"), top.block("telemetry"));
    let circonus = telemetry.string("circonus_api_token").unwrap_or_default();
    let shown = ExternalSettings::default()
        .with(&["Limits", "HTTPMaxConnsPerClient"], api.connections_per_client)
        .with(&["Limits", "HTTPSHandshakeTimeout"], handshake_timeout(api))
        .with(&["ACL", "ReplicationToken"], replication_token.unwrap_or_default())
        .with(&["Consuls"], consuls(consul.string("token")))
        .with(&["Telemetry", "CirconusAPIToken"], circonus);
    tls(shown, api)
}

fn handshake_timeout(api: &ApiSettings) -> String {
    format!("{}s", api.handshake_timeout.unwrap_or_default().as_secs_f64())
}

/// Nomad has one Consul, called `default`, also where none is configured.
fn consuls(token: Option<String>) -> Value {
    json!([{ "Name": "default", "Token": token.unwrap_or_default() }])
}

fn tls(shown: ExternalSettings, api: &ApiSettings) -> ExternalSettings {
    let Some(tls) = &api.tls else { return shown };
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let min_version = match tls.min_version {
        MinVersion::Tls12 => "tls12",
        MinVersion::Tls13 => "tls13",
    };
    let is_required = tls.client_certificates == ClientCertificates::Required;
    shown
        .with(&["TLSConfig", "EnableHTTP"], true)
        .with(&["TLSConfig", "CertFile"], path(&tls.cert_file))
        .with(&["TLSConfig", "KeyFile"], path(&tls.key_file))
        .with(&["TLSConfig", "CAFile"], tls.ca_file.as_deref().map(path).unwrap_or_default())
        .with(&["TLSConfig", "TLSMinVersion"], min_version)
        .with(&["TLSConfig", "VerifyHTTPSClient"], is_required)
}
