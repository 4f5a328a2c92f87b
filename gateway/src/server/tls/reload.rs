//! Files that are read again while they are in use.

use std::{
    fmt,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::interval,
};

use super::TlsError;
use crate::Shutdown;

/// Something that is read from files and can be read again.
pub trait Reload: Send + Sync + 'static {
    /// Reads it again; what is in force stays in force when that fails.
    ///
    /// # Errors
    /// [`TlsError`], as at the first reading.
    fn reload(&self) -> Result<(), TlsError>;

    /// The files that it is read from.
    fn files(&self) -> Vec<PathBuf>;
}

/// Reads everything again on SIGHUP, and each part when one of its files has changed, which is looked at every `pause`.
/// Returns when the end is announced. Without any part SIGHUP does nothing, instead of ending the process.
pub async fn watch_files(parts: Vec<Arc<dyn Reload>>, pause: Duration, mut stop: Shutdown) {
    let mut hang_up = match signal(SignalKind::hangup()) {
        Ok(hang_up) => hang_up,
        Err(error) => {
            tracing::warn!(error = %error, "cannot listen for SIGHUP: certificates stay as they are");
            return;
        }
    };
    // Nothing was seen yet: the first look reads everything again, since it may have changed after the first reading.
    let mut seen = vec![FileStamps(Vec::new()); parts.len()];
    let mut looks = interval(pause);
    loop {
        let is_asked = tokio::select! {
            () = stop.drain_started() => return,
            // Nothing comes any more when the runtime ends.
            asked = hang_up.recv() => asked.is_some(),
            _ = looks.tick() => false,
        };
        for (part, seen) in parts.iter().zip(&mut seen) {
            let now = FileStamps::from_files(&part.files());
            if is_asked || now != *seen {
                *seen = now;
                reload_part(part).await;
            }
        }
    }
}

/// Reading a key may take a while on a slow disk, and serving must go on.
async fn reload_part(part: &Arc<dyn Reload>) {
    let reading = Arc::clone(part);
    match tokio::task::spawn_blocking(move || reading.reload()).await {
        Ok(Ok(())) => tracing::info!(files = ?part.files(), "read certificates again"),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the certificates that changed cannot be used; the old ones stay"
            );
        }
        Err(error) => tracing::warn!(error = %error, "reading certificates again broke off"),
    }
}

/// What tells a file from its successor: renamed over, linked elsewhere, or written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamps(Vec<Option<(u64, u64, i64, i64)>>);

impl FileStamps {
    fn from_files(files: &[PathBuf]) -> Self {
        let stamp = |file: &PathBuf| {
            let found = std::fs::metadata(file).ok()?;
            Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
        };
        Self(files.iter().map(stamp).collect())
    }
}

/// A value read from files, exchanged as a whole.
pub(super) struct Reloadable<T> {
    load: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
    current: RwLock<Arc<T>>,
}

impl<T> Reloadable<T> {
    pub(super) fn load(
        load: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let now = RwLock::new(Arc::new(load()?));
        Ok(Self { load: Box::new(load), current: now })
    }

    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let next = Arc::new((self.load)()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

impl<T> fmt::Debug for Reloadable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
