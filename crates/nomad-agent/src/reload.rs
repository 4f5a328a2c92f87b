//! What an agent takes over while it runs.

use std::{error::Error, fmt, sync::Arc};

use nomad_wire::query::LogLevel;

use crate::config::Shown;

/// The part of the configuration that can change while the agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloadable {
    /// The least severe level that the agent writes to its outlet and its log file.
    pub log_level: LogLevel,
    /// Settings of whoever serves the agent, as `self` shows them from now on; nothing to leave them as they are.
    pub shown: Option<Shown>,
}

impl Reloadable {
    /// This level, and nothing else.
    #[must_use]
    pub const fn new(log_level: LogLevel) -> Self {
        Self { log_level, shown: None }
    }

    /// What `self` shows from now on of the settings of whoever serves the agent.
    #[must_use]
    pub fn showing(mut self, shown: Shown) -> Self {
        self.shown = Some(shown);
        self
    }
}

/// Where an agent that is told to reload reads its configuration anew.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Fn() -> Result<Reloadable, SourceError> + Send + Sync>);

/// Why it could not be read; the agent only logs it, as Nomad does.
pub(crate) type SourceError = Box<dyn Error + Send + Sync>;

impl Source {
    pub(crate) fn new(
        read: impl Fn() -> Result<Reloadable, SourceError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Result<Reloadable, SourceError> {
        (self.0)()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
