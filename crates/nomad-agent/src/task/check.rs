//! What is looked at while a task runs.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nomad wants an interval of a check; this is what its own examples have.
const INTERVAL: Duration = Duration::from_secs(10);
/// The same for the time one run may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A check of the service that a task offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The service it is a check of.
    pub service: String,
    /// What its failure means.
    pub mode: CheckMode,
    /// What it does.
    pub probe: CheckType,
    /// How long the pause between two runs is.
    pub interval: Duration,
    /// How long one run may take.
    pub timeout: Duration,
}

/// What the failure of a check means. Both are only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows exactly these two")]
pub enum CheckMode {
    /// The task is ill.
    Healthiness,
    /// The task is not ready yet, or not now.
    Readiness,
}

/// What a check does. Sockets are those of this host's loopback address: a check looks at nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever runs checks must know every kind")]
pub enum CheckType {
    /// Connects to a port.
    Tcp {
        /// The port.
        port: u16,
    },
    /// Asks for a page; any status of success will do.
    Http {
        /// The port.
        port: u16,
        /// The path, with a slash in front.
        path: String,
    },
    /// Runs a command in the place of the task; exit code 0 is success.
    Script {
        /// The program.
        command: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Check {
    /// A check of healthiness every ten seconds, with two seconds for each run.
    pub fn new(name: impl Into<String>, service: impl Into<String>, probe: CheckType) -> Self {
        Self {
            name: name.into(),
            service: service.into(),
            mode: CheckMode::Healthiness,
            probe,
            interval: INTERVAL,
            timeout: TIMEOUT,
        }
    }

    /// The same check, run this often.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The same check, which may take this long.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl CheckMode {
    /// Nomad's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthiness => "healthiness",
            Self::Readiness => "readiness",
        }
    }
}
