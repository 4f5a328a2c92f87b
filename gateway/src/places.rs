//! How much of something goes on at once, for each caller's address and in all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So much may go on. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    each: usize,
    all: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// For this address.
    Address,
    /// For anybody.
    All,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(each: usize, all: usize) -> Self {
        Self { shared: Arc::new(Shared { each, all, taken: Mutex::default() }) }
    }

    /// How many are taken now.
    pub(crate) fn taken(&self) -> usize {
        self.shared.taken().all
    }

    pub(crate) fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let mut taken = self.shared.taken();
        if taken.all >= self.shared.all {
            return Err(Full::All);
        }
        let by = taken.by.entry(address).or_insert(0);
        if *by >= self.shared.each {
            return Err(Full::Address);
        }
        *by += 1;
        taken.all += 1;
        Ok(Place { shared: Arc::clone(&self.shared), address })
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.taken();
        taken.all -= 1;
        if let Some(by) = taken.by.get_mut(&self.address) {
            *by -= 1;
            if *by == 0 {
                taken.by.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_all_together_have_theirs() {
        let places = Places::new(2, 3);
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        assert_eq!(places.take(one).unwrap_err(), Full::Address);
        let third = places.take(two).unwrap();
        assert_eq!(places.take(three).unwrap_err(), Full::All);
        drop(first);
        let _again = places.take(one).unwrap();
        drop(third);
        assert!(!places.shared.taken().by.contains_key(&two), "nothing is kept of who has gone");
    }
}
