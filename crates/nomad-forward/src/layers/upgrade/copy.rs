//! Two connections, joined byte for byte.

use std::{
    io,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    time::{interval, timeout},
};

use super::tunnels::TunnelPermit;

/// What is read at once: clients of `exec` send 2 KiB and agents 1 KiB.
const BUFFER_SIZE: usize = 8 << 10;

/// Both 101s are on their way already when this begins to count.
pub(super) const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// When one side has ended, the last words of the other may take so long.
pub(super) const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A tunnel in which nothing moves for so long has lost its caller: official clients say something every ten seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Joins two connections as soon as both have been upgraded. Bytes that were read ahead come first.
pub(super) async fn copy_when_upgraded(caller: OnUpgrade, agent: OnUpgrade, passage: TunnelPermit) {
    let both = async { tokio::try_join!(caller, agent) };
    match timeout(UPGRADE_TIMEOUT, both).await {
        Ok(Ok((caller, agent))) => {
            copy_bidirectional(TokioIo::new(caller), TokioIo::new(agent), &passage).await;
        }
        Ok(Err(error)) => tracing::debug!(error = %error, "a connection was not upgraded"),
        Err(_) => tracing::debug!("a connection was not upgraded in time"),
    }
}

/// Moves bytes both ways until either side has ended, nothing moves any more, or all tunnels must end.
pub(super) async fn copy_bidirectional<A, B>(caller: A, agent: B, passage: &TunnelPermit)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (from_caller, to_caller) = split(caller);
    let (from_agent, to_agent) = split(agent);
    let up = copy(from_caller, to_agent, passage.agent_counter());
    let down = copy(from_agent, to_caller, passage.client_counter());
    tokio::select! {
        () = until_one_ends(up, down) => {}
        () = wait_idle(passage) => tracing::debug!("a tunnel in which nothing moved was closed"),
        () = passage.shutdown() => {}
    }
}

async fn until_one_ends(
    up: impl Future<Output = io::Result<()>>,
    down: impl Future<Output = io::Result<()>>,
) {
    let (mut up, mut down) = (pin!(up), pin!(down));
    let (ended, rest) = tokio::select! {
        ended = up.as_mut() => (ended, timeout(HALF_CLOSE_TIMEOUT, down).await),
        ended = down.as_mut() => (ended, timeout(HALF_CLOSE_TIMEOUT, up).await),
    };
    if let (Err(error), _) | (_, Ok(Err(error))) = (ended, rest) {
        tracing::debug!(error = %error, "a tunnel broke");
    }
}

async fn copy(from: impl AsyncRead, to: impl AsyncWrite, moved: &AtomicU64) -> io::Result<()> {
    let (mut from, mut to) = (pin!(from), pin!(to));
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let read = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        to.write_all(bytes).await?;
        // Over TLS a write alone may stay in a buffer.
        to.flush().await?;
        moved.fetch_add(read as u64, Ordering::Relaxed);
    }
}

/// Returns when nothing has moved for a whole [`IDLE_TIMEOUT`].
async fn wait_idle(passage: &TunnelPermit) {
    let moved = || {
        let (up, down) = (passage.agent_counter(), passage.client_counter());
        up.load(Ordering::Relaxed).wrapping_add(down.load(Ordering::Relaxed))
    };
    let mut ticks = interval(IDLE_TIMEOUT);
    ticks.tick().await;
    let mut before = moved();
    loop {
        ticks.tick().await;
        let now = moved();
        if now == before {
            return;
        }
        before = now;
    }
}
