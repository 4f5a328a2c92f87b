//! The configuration of a running agent, read anew: the log level, the certificates, who must show one, the tokens.

use nomad_agent::{ExternalSettings, ReloadableConfig};

use super::{
    AgentRunError,
    config::Settings,
    tokens::{self, LiveTokens},
};
use crate::{StartError, commands::cli::AgentArgs, server::tls::Acceptor};

/// What can be taken over while the agent runs, and where it is written.
#[derive(Debug, Clone)]
pub(super) struct ConfigReload {
    pub(super) args: AgentArgs,
    /// None while the agent speaks plain HTTP.
    pub(super) acceptor: Option<Acceptor>,
    pub(super) tokens: LiveTokens,
}

impl ConfigReload {
    /// Reads everything and takes it over. A configuration with any fault, or a file that cannot be used, changes
    /// nothing at all.
    pub(super) fn load(&self) -> Result<ReloadableConfig, AgentRunError> {
        let settings = Settings::load(&self.args)?;
        self.warn_if_restart_needed(&settings);
        let tokens = settings.tokens.as_deref().filter(|_| self.tokens.are_enabled());
        let tokens = tokens.map(tokens::read_tokens).transpose()?;
        if let (Some(acceptor), Some(tls)) = (&self.acceptor, settings.api.tls) {
            acceptor.replace(tls).map_err(|error| AgentRunError::Start(StartError::Tls(error)))?;
        }
        if let Some(tokens) = tokens {
            self.tokens.replace(tokens);
        }
        Ok(ReloadableConfig::new(settings.agent.log_level)
            .with_external_settings(self.external_settings(settings.agent.external_settings)))
    }

    /// What is in force goes on being shown where the new settings cannot be.
    fn external_settings(&self, written: ExternalSettings) -> ExternalSettings {
        written.with(&["TLSConfig", "EnableHTTP"], self.acceptor.is_some())
    }

    fn warn_if_restart_needed(&self, settings: &Settings) {
        if settings.api.tls.is_some() != self.acceptor.is_some() {
            tracing::warn!(target: "agent", "tls.http changes with the next start of the agent");
        }
        if settings.tokens.is_some() != self.tokens.are_enabled() {
            tracing::warn!(target: "agent", "acl.enabled changes with the next start of the agent");
        }
    }
}
