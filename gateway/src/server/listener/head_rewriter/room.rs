//! Bounds the memory of request heads that are not complete yet.
//!
//! A head is kept until it is whole, and its caller may take two minutes over it. What every connection may keep is small; a head
//! that grows beyond it takes places, for each address and in all, one for every [`STEP`] bytes.

use std::net::IpAddr;

use crate::{
    Invalid,
    server::limiter::{self, Limiter, Permit},
};

/// What needs no place: nearly every head, for it is twice what nginx and Apache read.
pub(in crate::server::listener) const SMALL: usize = 16 << 10;

/// What a place is good for: the longest request target is one.
pub(in crate::server::listener) const STEP: usize = 64 << 10;

/// Places of one address: 16 MiB, which is 256 long commands or sixteen of the longest heads at once.
pub(in crate::server::listener) const EACH: usize = 256;

/// In all: 64 MiB, four addresses that do their worst.
pub(in crate::server::listener) const ALL: usize = 1024;

/// Room for the heads of all connections of a listener. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub(in crate::server::listener) struct LargeHeads(Limiter);

impl Default for LargeHeads {
    fn default() -> Self {
        Self(Limiter::new(EACH, ALL))
    }
}

impl LargeHeads {
    /// For one connection.
    pub(in crate::server::listener) fn room(&self, address: IpAddr) -> Room {
        Room { places: self.0.clone(), address, taken: Vec::new() }
    }
}

/// Room for the head that a connection is reading.
#[derive(Debug)]
pub(in crate::server::listener) struct Room {
    places: Limiter,
    address: IpAddr,
    taken: Vec<Permit>,
}

impl Room {
    /// Makes room for so many bytes of one head.
    pub(super) fn hold(&mut self, len: usize) -> Result<(), Invalid> {
        let needed = len.saturating_sub(SMALL).div_ceil(STEP);
        while self.taken.len() < needed {
            let place = self.places.try_acquire(self.address).map_err(|full| match full {
                limiter::LimitReached::Address => Invalid::LargeHeadsOfAddress,
                limiter::LimitReached::Total => Invalid::LargeHeads,
            })?;
            self.taken.push(place);
        }
        Ok(())
    }

    /// The head is whole, or refused.
    pub(super) fn give_back(&mut self) {
        self.taken = Vec::new();
    }
}
