//! Who may do what at a lone agent: everybody everything, or what a file of tokens says.

use std::{
    fs,
    future::Ready,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use nomad_acl::{
    LookupOptions, RegionalAcl, Tokens, TokensError,
    tokens::{TableError, TokenTable},
};
use nomad_wire::SecretId;

use super::{AgentRunError, error::TokensFileError};
use crate::{SystemClock, commands::fleet::FleetTokens};

/// The tokens in force; all clones take others together.
#[derive(Debug, Clone)]
pub(super) struct LiveTokens(Arc<RwLock<FleetTokens>>);

impl LiveTokens {
    /// Everybody may do everything where there is no file.
    pub(super) fn load(file: Option<&Path>) -> Result<Self, AgentRunError> {
        let tokens = file.map_or(Ok(FleetTokens::Disabled), read_tokens)?;
        Ok(Self(Arc::new(RwLock::new(tokens))))
    }

    /// Whether a token is demanded.
    pub(super) fn are_enabled(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).are_enabled()
    }

    pub(super) fn replace(&self, tokens: FleetTokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }
}

/// Reads a table of tokens; what is wrong with it is told without what stands there.
pub(super) fn read_tokens(file: &Path) -> Result<FleetTokens, AgentRunError> {
    let failed = |source| AgentRunError::Tokens { path: file.to_owned(), source };
    let text = fs::read_to_string(file).map_err(|error| failed(error.into()))?;
    let table = TokenTable::from_json(&text, SystemClock::start()).map_err(|error| {
        failed(match error {
            // Its own words could quote a secret.
            TableError::Json(error) => {
                TokensFileError::Json { line: error.line(), column: error.column() }
            }
            error => error.into(),
        })
    })?;
    Ok(FleetTokens::Enabled(table))
}

impl Tokens for LiveTokens {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, token: Option<&SecretId>, wanted: LookupOptions<'_>) -> Self::Future {
        self.0.read().unwrap_or_else(PoisonError::into_inner).resolve_with(token, wanted)
    }
}
