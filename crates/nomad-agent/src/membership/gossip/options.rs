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

/// Every so often each server asks another one whether it is there.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A server that does not answer directly within this time is asked through others, until the next probe.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// So many probe intervals a silent server has to deny its death. With two intervals until it is its turn, a death
/// among a handful of servers is known after three to six seconds.
const SUSPICION_MULT: usize = 3;

/// News travels this fast from one server to the next.
const GOSSIP_INTERVAL: Duration = Duration::from_millis(100);

/// A server that is asked to exchange all it knows must do so within this time, or a join there has failed.
const PUSH_PULL_TIMEOUT: Duration = Duration::from_secs(3);

/// How soon a failed server is tried again, in case it is back.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(10);

/// After a failed server was gone for this long, another address may have its name: a restarted one does not wait.
const RECLAIM_TIME: Duration = Duration::from_secs(5);

/// A goodbye has this long to reach the others before the sockets close.
const LEAVE_DELAY: Duration = Duration::from_millis(500);

/// How long a removal or a goodbye may take to be told; Nomad waits as long.
const BROADCAST_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server gossips.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain struct, filled with `..GossipOptions::on()`"
)]
pub struct GossipOptions {
    /// Where it listens, UDP and TCP.
    pub bind: SocketAddr,
    /// What gossip is encrypted with; plain without it.
    pub key: Option<GossipKey>,
    /// Where installed keys are kept over restarts. If the file exists, it counts and not `key`, as with Nomad.
    pub keyring: Option<PathBuf>,
}

/// Why a server cannot gossip.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GossipError {
    /// It has begun already.
    #[error("gossip has begun already")]
    AlreadyStarted,
    /// The kept keys cannot be used.
    #[error("cannot use the gossip keys in {}: {reason}", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The address cannot be used, or the gossip says something else.
    #[error("cannot gossip on {address}: {reason}")]
    Start {
        /// The address.
        address: SocketAddr,
        /// What the gossip says.
        reason: Box<str>,
    },
}

impl GossipOptions {
    /// Plain gossip on this address.
    #[must_use]
    pub const fn new(bind: SocketAddr) -> Self {
        Self { bind, key: None, keyring: None }
    }
}

/// An address whose port nobody uses now, neither for UDP nor for TCP. It may be taken before it is used; try again
/// then.
///
/// # Errors
/// What the system says.
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

/// The same in the words of the gossip library.
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
    // An encrypted pool writes there what is installed; a plain one has nothing to write.
    let keyring = options.keyring.clone().filter(|_| !keys.is_empty());
    Ok(Options::new()
        .with_memberlist_options(list)
        .with_keyring_file(keyring)
        .with_broadcast_timeout(BROADCAST_TIMEOUT)
        .with_leave_propagate_delay(LEAVE_DELAY)
        .with_reconnect_interval(RECONNECT_INTERVAL)
        .with_tags(member.tags().into_iter()))
}
