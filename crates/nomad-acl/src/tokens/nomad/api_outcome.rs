//! What a server's response means for a token lookup.
//!
//! Nomad says the same thing with different statuses, by version and by the place that found out:
//! an unknown token is 403 `Permission denied`, 403 `ACL token not found`, 404 `ACL token not found`
//! or 500 with the reader's complaint. So the text decides where the status does not.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::tokens::TokenLookupError;

/// The answer to one call.
#[derive(Debug)]
pub(super) enum ApiOutcome<T> {
    /// The body.
    Found(T),
    /// There is no such thing.
    NotFound,
    /// ACLs are switched off.
    AclsDisabled,
    /// The token is refused.
    Denied(TokenLookupError),
    /// It is no token at all, whoever is asked.
    Malformed,
}

/// An answer that says nothing about the token.
#[derive(Debug, Error)]
pub(super) enum ResponseError {
    #[error("a server answered {status}: {text}")]
    Status { status: StatusCode, text: String },
    #[error("one server knows the token, and another one no ACLs")]
    Inconsistent,
    #[error("a server's answer is not understood")]
    Body(#[source] serde_json::Error),
}

/// Texts in a 500 by which servers refuse what is no secret id and no valid identity.
const MALFORMED: [&str; 5] = [
    "UUID must be 36 characters",
    "invalid workload identity",
    "Input (without hyphens) must be even length",
    "failed to parse signed token",
    "invalid signature",
];

/// How much of a server's text an error repeats: enough to recognise it in a log.
const MAX_ERROR_TEXT: usize = 200;

/// Reads an answer.
pub(super) fn classify<T: DeserializeOwned>(
    response: &Response<Bytes>,
) -> Result<ApiOutcome<T>, TokenLookupError> {
    let body = response.body();
    if response.status() == StatusCode::OK {
        return serde_json::from_slice(body)
            .map(ApiOutcome::Found)
            .map_err(|error| unavailable(ResponseError::Body(error)));
    }
    let text =
        String::from_utf8_lossy(body.get(..body.len().min(4 * MAX_ERROR_TEXT)).unwrap_or(body));
    let text = text.trim();
    if text.ends_with("ACL token expired") {
        return Ok(ApiOutcome::Denied(TokenLookupError::Expired));
    }
    let malformed = MALFORMED.iter().any(|known| text.contains(known));
    match response.status() {
        StatusCode::BAD_REQUEST if text.ends_with("ACL support disabled") => {
            Ok(ApiOutcome::AclsDisabled)
        }
        StatusCode::FORBIDDEN => Ok(ApiOutcome::Denied(TokenLookupError::NotFound)),
        StatusCode::NOT_FOUND if text.ends_with("ACL token not found") => {
            Ok(ApiOutcome::Denied(TokenLookupError::NotFound))
        }
        StatusCode::NOT_FOUND => Ok(ApiOutcome::NotFound),
        StatusCode::INTERNAL_SERVER_ERROR if malformed => Ok(ApiOutcome::Malformed),
        status => {
            let text = text.chars().take(MAX_ERROR_TEXT).collect();
            Err(unavailable(ResponseError::Status { status, text }))
        }
    }
}

/// Nobody answered to the question, for this reason.
pub(super) fn unavailable(
    error: impl std::error::Error + Send + Sync + 'static,
) -> TokenLookupError {
    TokenLookupError::Unavailable(Arc::new(error))
}
