//! `/v1/client/*`

pub(crate) mod allocation;
pub(crate) mod fs;
mod stats;

use tokio::task::spawn_blocking;

pub(crate) use self::stats::stats;
use crate::error::AgentError;

/// Runs what waits for disks and the kernel on a thread that may wait.
async fn off_loop<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AgentError> {
    spawn_blocking(work).await.map_err(|_| AgentError::Stopping)
}
