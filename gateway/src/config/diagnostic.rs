//! What is wrong with a configuration, all of it at once.

use std::{fmt, path::PathBuf};

use thiserror::Error;

use super::document::SourceLocation;

/// One fault, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub(crate) location: SourceLocation,
    pub(crate) text: String,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It has faults; every one of them is told.
    #[error("the configuration has {}:\n{}", counted(.0), listed(.0))]
    Invalid(Vec<Diagnostic>),
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.text)
    }
}

fn counted(faults: &[Diagnostic]) -> String {
    if faults.len() == 1 { "a fault".to_owned() } else { format!("{} faults", faults.len()) }
}

fn listed(faults: &[Diagnostic]) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    lines.join("\n")
}
