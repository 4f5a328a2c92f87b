//! Bounds how many of something exist at once, by client address and in all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So much may go on. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    shared: Arc<LimiterInner>,
}

#[derive(Debug)]
struct LimiterInner {
    max_per_client: usize,
    max_total: usize,
    in_use: Mutex<InUse>,
}

#[derive(Debug, Default)]
struct InUse {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitReached {
    /// For this address.
    Address,
    /// For anybody.
    Total,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<LimiterInner>,
    address: IpAddr,
}

impl Limiter {
    pub(crate) fn new(each: usize, all: usize) -> Self {
        Self {
            shared: Arc::new(LimiterInner {
                max_per_client: each,
                max_total: all,
                in_use: Mutex::default(),
            }),
        }
    }

    /// How many are taken now.
    pub(crate) fn lock_in_use(&self) -> usize {
        self.shared.taken().total
    }

    pub(crate) fn try_acquire(&self, address: IpAddr) -> Result<Permit, LimitReached> {
        let mut taken = self.shared.taken();
        if taken.total >= self.shared.max_total {
            return Err(LimitReached::Total);
        }
        let by = taken.by_client.entry(address).or_insert(0);
        if *by >= self.shared.max_per_client {
            return Err(LimitReached::Address);
        }
        *by += 1;
        taken.total += 1;
        Ok(Permit { shared: Arc::clone(&self.shared), address })
    }
}

impl LimiterInner {
    fn taken(&self) -> MutexGuard<'_, InUse> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.shared.taken();
        taken.total -= 1;
        if let Some(by) = taken.by_client.get_mut(&self.address) {
            *by -= 1;
            if *by == 0 {
                taken.by_client.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_limit_and_all_together_have_theirs() {
        let places = Limiter::new(2, 3);
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = places.try_acquire(one).unwrap();
        let _second = places.try_acquire(one).unwrap();
        assert_eq!(places.try_acquire(one).unwrap_err(), LimitReached::Address);
        let third = places.try_acquire(two).unwrap();
        assert_eq!(places.try_acquire(three).unwrap_err(), LimitReached::Total);
        drop(first);
        let _again = places.try_acquire(one).unwrap();
        drop(third);
        assert!(
            !places.shared.taken().by_client.contains_key(&two),
            "nothing is kept of who has gone"
        );
    }
}
