//! Ids of requests, traces and spans.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use nomad_wire::header::X_REQUEST_ID;

use super::parent::{SpanId, TraceId};

/// The longest request id that is taken over from a caller; longer ones are replaced.
const MAX_ID_LEN: usize = 128;

/// Ids that no two requests of this process share, and hardly any two of different ones.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    process: u64,
    next: Arc<AtomicU64>,
    /// The standard library seeds its hashers from the system's random numbers.
    random: RandomState,
    drawn: Arc<AtomicU64>,
}

impl Ids {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self {
            process: random.hash_one("process"),
            next: Arc::default(),
            random,
            drawn: Arc::default(),
        }
    }

    /// The caller's id when it sent one, else a new one, which is put into the headers.
    pub(super) fn name(&self, headers: &mut HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(id) if !id.is_empty() && id.len() <= MAX_ID_LEN => id.clone(),
            _ => {
                let id = self.fresh();
                headers.insert(X_REQUEST_ID, id.clone());
                id
            }
        }
    }

    fn fresh(&self) -> HeaderValue {
        // Written where it needs one allocation in all, also when it is cloned, and without the machinery of formatting.
        let mut id = *b"0000000000000000-0000000000000000";
        write_hex(&mut id[..16], self.process);
        write_hex(&mut id[17..], self.next.fetch_add(1, Ordering::Relaxed));
        let id = HeaderValue::from_maybe_shared(Bytes::from_owner(id));
        id.unwrap_or(HeaderValue::from_static("none"))
    }

    /// A new trace.
    pub(super) fn trace(&self) -> TraceId {
        TraceId::new(u128::from(self.draw()) << 64 | u128::from(self.draw()))
    }

    /// A new span.
    pub(super) fn span(&self) -> SpanId {
        SpanId::new(self.draw())
    }

    /// A random number.
    fn draw(&self) -> u64 {
        self.random.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

/// The last sixteen digits of a number.
fn write_hex(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_kept_and_a_missing_one_is_made() {
        let ids = Ids::new();
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("mine"));
        assert_eq!(ids.name(&mut headers), "mine");
        let mut headers = HeaderMap::new();
        let made = ids.name(&mut headers);
        assert_eq!(headers[X_REQUEST_ID], made);
        assert_ne!(ids.name(&mut HeaderMap::new()), made);
        let expected = format!("{:016x}-{:016x}", ids.process, 2);
        assert_eq!(ids.fresh(), expected);
    }

    #[test]
    fn no_two_traces_and_no_two_spans_have_one_id() {
        let ids = Ids::new();
        let other = ids.clone();
        assert_ne!(ids.trace(), other.trace());
        assert_ne!(ids.span(), other.span());
    }
}
