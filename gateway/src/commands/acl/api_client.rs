//! A small client of Nomad's HTTP API: one JSON document a call, with the caller's own token.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header::HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nomad_wire::{SecretId, header::X_NOMAD_TOKEN};
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

use super::AclError;

/// A cluster that takes longer is said not to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// No policy, token or allocation is larger; what is was not sent by Nomad.
const MAX_RESPONSE: usize = 16 << 20;

/// Where to ask, and as whom.
pub(super) struct ApiClient {
    address: String,
    authority: String,
    token: Option<SecretId>,
}

impl ApiClient {
    pub(super) fn new(address: &str, token: Option<SecretId>) -> Result<Self, AclError> {
        let uri = address.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
        let authority = uri.as_ref().and_then(Uri::authority);
        let authority = authority.ok_or_else(|| AclError::Address(address.to_owned()))?;
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            address: address.to_owned(),
            authority: format!("{}:{port}", authority.host()),
            token,
        })
    }

    pub(super) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Gets a document.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AclError> {
        let answer = timeout(TIMEOUT, self.send(path)).await;
        let (status, body) =
            answer.map_err(|_| self.no_response(&format_args!("nothing within {TIMEOUT:?}")))??;
        if !status.is_success() {
            return Err(AclError::ErrorStatus {
                address: self.address.clone(),
                path: path.to_owned(),
                status,
                text: String::from_utf8_lossy(&body).into_owned(),
            });
        }
        serde_json::from_slice(&body).map_err(|source| AclError::InvalidResponse {
            address: self.address.clone(),
            path: path.to_owned(),
            source,
        })
    }

    async fn send(&self, path: &str) -> Result<(http::StatusCode, Bytes), AclError> {
        let stream =
            TcpStream::connect(&self.authority).await.map_err(|error| self.no_response(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.no_response(&error))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::get(path).header(HOST, &self.authority);
        if let Some(token) = self.token.as_ref().and_then(SecretId::header_value) {
            request = request.header(X_NOMAD_TOKEN, token);
        }
        let request =
            request.body(Empty::<Bytes>::new()).map_err(|error| self.no_response(&error))?;
        let response =
            sender.send_request(request).await.map_err(|error| self.no_response(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
        let body = body.map_err(|error| self.no_response(&error))?.to_bytes();
        driver.abort();
        Ok((status, body))
    }

    fn no_response(&self, reason: &dyn std::fmt::Display) -> AclError {
        AclError::NoResponse { address: self.address.clone(), reason: reason.to_string() }
    }
}
