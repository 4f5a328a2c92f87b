//! Checks that run beside a task.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nomad requires an interval; this is the one in its own examples.
const INTERVAL: Duration = Duration::from_secs(10);
/// The same for the timeout of one run.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A check of the service that a task offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The service that it checks.
    pub service: String,
    /// What its failure means.
    pub mode: CheckMode,
    /// How it checks.
    pub probe: CheckType,
    /// The pause between two runs.
    pub interval: Duration,
    /// The timeout of one run.
    pub timeout: Duration,
}

/// What the failure of a check means. Only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows exactly these two")]
pub enum CheckMode {
    /// The task is unhealthy.
    Healthiness,
    /// The task is not ready.
    Readiness,
}

/// How a check works. It connects to this host's loopback address only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the checker must handle every type")]
pub enum CheckType {
    /// Connects to a port.
    Tcp {
        /// The port.
        port: u16,
    },
    /// Requests a page; any status of success passes.
    Http {
        /// The port.
        port: u16,
        /// The path, with a leading slash.
        path: String,
    },
    /// Runs a command in the task's context; exit code 0 passes.
    Script {
        /// The program.
        command: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Check {
    /// A healthiness check every ten seconds, with a timeout of two seconds.
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

    /// The same check with this interval.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The same check with this timeout.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl CheckMode {
    /// Nomad's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthiness => "healthiness",
            Self::Readiness => "readiness",
        }
    }
}
