//! Bounds TLS handshakes in progress.
//!
//! Nobody has decided anything about them. A handshake costs memory and the processor, and nothing is asked before it, so that
//! there is a bound of its own for each address and for all together; it ends with the first byte of a request. Who comes beyond
//! it is closed at once. Waiting would be no better: a connection that waits to be accepted keeps those behind it waiting
//! too, whoever they are, and one that waits here holds a place among all connections for as long as the handshakes before it.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::server::limiter::{self, Limiter, Permit};

/// Of one address: ten times as many as Nomad allows it connections, for a balancer or a translated network is one address too,
/// and a handshake takes milliseconds.
const EACH: usize = 1024;

/// In all: four addresses that do their worst, and a quarter of all connections.
const ALL: usize = 4096;

/// Those of an [`Acceptor`](super::Acceptor). Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub struct Handshakes {
    places: Limiter,
    refused: Arc<AtomicU64>,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self::new(EACH, ALL)
    }
}

impl Handshakes {
    pub(super) fn new(each: usize, all: usize) -> Self {
        Self { places: Limiter::new(each, all), refused: Arc::default() }
    }

    /// How many are under way now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.places.lock_in_use()
    }

    /// How many connections were closed because there were too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self, address: IpAddr) -> io::Result<Permit> {
        self.places.try_acquire(address).map_err(|full| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            io::Error::other(match full {
                limiter::LimitReached::Address => "too many handshakes with its address",
                limiter::LimitReached::Total => "too many handshakes",
            })
        })
    }
}
