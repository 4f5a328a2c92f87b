//! The ids of an agent, persisted over restarts.

use std::{io, path::Path, str::FromStr};

use nomad_wire::{NodeId, SecretId};
use thiserror::Error;
use tokio::fs;
use uuid::Uuid;

use crate::{atomic_file, schedulers::SchedulerConfigError};

/// Why an agent does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AgentStartError {
    /// The file cannot be read, or a new one cannot be written.
    #[error("cannot persist an id in {path}")]
    Io {
        /// The file.
        path: Box<str>,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The file holds no valid id.
    #[error("{path} holds no valid id")]
    Malformed {
        /// The file.
        path: Box<str>,
        /// What is wrong with it.
        #[source]
        source: nomad_wire::IdError,
    },
    /// The node's secret is longer than 64 bytes, so no agent has generated it.
    #[error("the secret of the node is too long")]
    SecretTooLong,
    /// The log file cannot be opened.
    #[error("cannot write the log to {path}")]
    LogFile {
        /// The file.
        path: Box<str>,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The scheduler configuration is invalid.
    #[error(transparent)]
    Schedulers(#[from] SchedulerConfigError),
}

/// A fresh id that is not persisted.
pub(crate) fn generate<I: FromStr<Err = nomad_wire::IdError>>() -> I {
    Uuid::new_v4().to_string().parse().expect("a UUID is a well-formed id")
}

/// The id that `file` holds; if there is no file, a fresh id that is written there.
pub(crate) async fn load_or_create<I>(file: &Path) -> Result<I, AgentStartError>
where
    I: FromStr<Err = nomad_wire::IdError> + ToString,
{
    let path = || Box::from(file.to_string_lossy());
    let failed = |source| AgentStartError::Io { path: path(), source };
    match fs::read_to_string(file).await {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|source| AgentStartError::Malformed { path: path(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id: I = generate();
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent).await.map_err(failed)?;
            }
            fs::write(file, id.to_string()).await.map_err(failed)?;
            Ok(id)
        }
        Err(error) => Err(failed(error)),
    }
}

/// The secret that `file` holds; if there is no file, a fresh one that is written there for its owner alone.
pub(crate) async fn load_or_create_secret(file: &Path) -> Result<SecretId, AgentStartError> {
    let path = || Box::from(file.to_string_lossy());
    match fs::read_to_string(file).await {
        Ok(text) => Ok(SecretId::new(text.trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = generate_secret();
            atomic_file::replace(file, secret.expose().as_bytes())
                .map_err(|source| AgentStartError::Io { path: path(), source })?;
            Ok(secret)
        }
        Err(source) => Err(AgentStartError::Io { path: path(), source }),
    }
}

/// A fresh secret that is not persisted.
pub(crate) fn generate_secret() -> SecretId {
    SecretId::new(generate::<NodeId>().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_id_is_made_once_and_then_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("client/client-id");
        let first: NodeId = load_or_create(&file).await.unwrap();
        let second: NodeId = load_or_create(&file).await.unwrap();
        assert_eq!(first, second);
        assert_ne!(first, generate());
    }

    #[tokio::test]
    async fn a_file_that_holds_no_id_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("client-id");
        std::fs::write(&file, "not an id").unwrap();
        let refused = load_or_create::<NodeId>(&file).await;
        assert!(matches!(refused, Err(AgentStartError::Malformed { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "not an id");
    }
}
