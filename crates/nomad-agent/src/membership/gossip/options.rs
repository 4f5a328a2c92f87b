//! How a server gossips: where, how fast, with which keys.

use std::{
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use serf::{MemberlistOptions, Options, types::EncryptionAlgorithm};
use thiserror::Error;

use super::{
    Member,
    key::{self, GossipKey},
};

/// How often each server probes another one.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A server that does not respond directly within this time is probed through others, until the next probe.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Probe intervals in which a silent server can refute its death. With two intervals until it is probed, a death
/// among a handful of servers is known after three to six seconds.
const SUSPICION_MULT: usize = 3;

/// How often news is passed on.
const GOSSIP_INTERVAL: Duration = Duration::from_millis(100);

/// A server must exchange its state within this time, or a join there has failed.
const PUSH_PULL_TIMEOUT: Duration = Duration::from_secs(3);

/// How soon a failed server is tried again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(10);

/// Once a failed server has been gone for this long, another address may take its name: a restarted one does not
/// wait.
const RECLAIM_TIME: Duration = Duration::from_secs(5);

/// Time for a leave to reach the others before the sockets close.
const LEAVE_DELAY: Duration = Duration::from_millis(500);

/// Timeout of the broadcast of a removal or a leave, as in Nomad.
const BROADCAST_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server gossips.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain struct, filled with `..GossipOptions::new(bind)`"
)]
pub struct GossipOptions {
    /// The address it listens on, UDP and TCP.
    pub bind: SocketAddr,
    /// The key that gossip is encrypted with; unencrypted without it.
    pub key: Option<GossipKey>,
    /// Where installed keys are persisted. An existing file takes precedence over `key`, as with Nomad.
    pub keyring: Option<PathBuf>,
}

/// Why a server cannot gossip.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GossipError {
    /// It has been started already.
    #[error("gossip is already running")]
    AlreadyStarted,
    /// The persisted keys cannot be used.
    #[error("cannot use the gossip keys in {}: {reason}", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The address cannot be used, or the gossip library reports another error.
    #[error("cannot gossip on {address}: {reason}")]
    Start {
        /// The address.
        address: SocketAddr,
        /// The gossip library's error.
        reason: Box<str>,
    },
}

impl GossipOptions {
    /// Unencrypted gossip on this address.
    #[must_use]
    pub const fn new(bind: SocketAddr) -> Self {
        Self { bind, key: None, keyring: None }
    }
}

/// An address with a port that is free now, for UDP and TCP. It may be taken before it is used; try again then.
///
/// # Errors
/// The system's error.
pub fn free_address(ip: IpAddr) -> std::io::Result<SocketAddr> {
    let mut last = None;
    for _ in 0..32 {
        let tcp = TcpListener::bind((ip, 0))?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into()))
}

/// These options for the gossip library.
pub(super) fn serf_options(
    member: &Member,
    options: &GossipOptions,
) -> Result<Options, GossipError> {
    let mut list = MemberlistOptions::lan()
        .with_timeout(PUSH_PULL_TIMEOUT)
        .with_probe_interval(PROBE_INTERVAL)
        .with_probe_timeout(PROBE_TIMEOUT)
        .with_suspicion_mult(SUSPICION_MULT)
        .with_gossip_interval(GOSSIP_INTERVAL)
        .with_dead_node_reclaim_time(RECLAIM_TIME);
    let keys = key::load_keys(options)?;
    if let Some((first, others)) = keys.split_first() {
        list = list
            .with_encryption_algo(EncryptionAlgorithm::NoPadding)
            .with_gossip_verify_incoming(true)
            .with_gossip_verify_outgoing(true)
            .with_primary_key(first.secret())
            .with_secret_keys(others.iter().map(GossipKey::secret).collect());
    }
    // Encrypted gossip writes the installed keys there; unencrypted gossip has nothing to write.
    let keyring = options.keyring.clone().filter(|_| !keys.is_empty());
    Ok(Options::new()
        .with_memberlist_options(list)
        .with_keyring_file(keyring)
        .with_broadcast_timeout(BROADCAST_TIMEOUT)
        .with_leave_propagate_delay(LEAVE_DELAY)
        .with_reconnect_interval(RECONNECT_INTERVAL)
        .with_tags(member.tags().into_iter()))
}
