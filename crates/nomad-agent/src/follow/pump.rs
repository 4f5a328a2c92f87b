//! From the steps of a state machine to the chunks of a body.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::{Follow, Step, StreamError};
use crate::frame_writer::FrameWriter;

/// How often an idle file is polled. Together with the batch window of 200 ms a byte is sent a quarter of a second
/// after it was written; Nomad, which polls every 250 ms, takes almost twice as long.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Takes steps and writes their results until the stream ends. Bytes that were read before an error are sent before
/// it.
///
/// # Cancel safety
/// Can be dropped at any time; the file is closed with it.
pub(crate) async fn pump(
    mut follow: impl Follow,
    mut frames: FrameWriter,
) -> Result<(), StreamError> {
    loop {
        let (returned, step) =
            spawn_blocking(move || take_step(follow)).await.map_err(StreamError::Stopping)?;
        follow = returned;
        match step {
            Ok(Step::Read(chunk)) => {
                let position = i64::try_from(chunk.position).unwrap_or(i64::MAX);
                frames.send(&chunk.file, chunk.event, &chunk.data, position).await;
            }
            Ok(Step::Wait) => {
                sleep_until(frames.deadline().min(Instant::now() + POLL_INTERVAL)).await;
                frames.tick().await;
            }
            Ok(Step::End) => {
                frames.finish().await;
                return Ok(());
            }
            Err(error) => {
                frames.finish().await;
                return Err(error);
            }
        }
    }
}

fn take_step<F: Follow>(mut follow: F) -> (F, Result<Step, StreamError>) {
    let step = follow.step();
    (follow, step)
}

#[cfg(test)]
mod tests;
