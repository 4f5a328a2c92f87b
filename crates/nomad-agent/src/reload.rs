//! The configuration that an agent can reload while it runs.

use std::{error::Error, fmt, sync::Arc};

use nomad_wire::query::LogLevel;

use crate::config::ExternalSettings;

/// The part of the configuration that can change while the agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadableConfig {
    /// The least severe level written to the log sink and the log file.
    pub log_level: LogLevel,
    /// External settings that `self` shows from now on; `None` leaves them unchanged.
    pub external_settings: Option<ExternalSettings>,
}

impl ReloadableConfig {
    /// Changes the log level only.
    #[must_use]
    pub const fn new(log_level: LogLevel) -> Self {
        Self { log_level, external_settings: None }
    }

    /// Also replaces the external settings that `self` shows.
    #[must_use]
    pub fn with_external_settings(mut self, shown: ExternalSettings) -> Self {
        self.external_settings = Some(shown);
        self
    }
}

/// Where an agent reloads its configuration from.
#[derive(Clone)]
pub(crate) struct ConfigSource(
    Arc<dyn Fn() -> Result<ReloadableConfig, ConfigSourceError> + Send + Sync>,
);

/// Why it could not be read; the agent only logs it, as Nomad does.
pub(crate) type ConfigSourceError = Box<dyn Error + Send + Sync>;

impl ConfigSource {
    pub(crate) fn new(
        read: impl Fn() -> Result<ReloadableConfig, ConfigSourceError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Result<ReloadableConfig, ConfigSourceError> {
        (self.0)()
    }
}

impl fmt::Debug for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
