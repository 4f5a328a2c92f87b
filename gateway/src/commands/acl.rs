//! `nomad-gateway acl`: policies asked without a cluster, or with the caller's own token against one.

mod api_client;
mod error;
mod explain;
mod lint;
mod token_policies;

use std::path::Path;

pub use self::error::AclError;
use crate::commands::cli::AclCommand;

/// Runs the command and says what the program exits with.
///
/// # Errors
/// [`AclError`] when a policy, the question or the cluster cannot be read.
pub fn run(command: &AclCommand) -> Result<u8, AclError> {
    match command {
        AclCommand::Explain(args) => explain::run(args),
        AclCommand::Lint(args) => lint::run(args),
    }
}

fn read_file(file: &Path) -> Result<String, AclError> {
    std::fs::read_to_string(file).map_err(|source| AclError::Read { file: file.to_owned(), source })
}
