//! The search for CPUs with 512-bit vectors, for which memchr has none.
//!
//! What makes it faster is less the width than that it need not compare every vector: no byte that
//! base64 or its escapes are made of is as low as a quote, so the lowest byte of a block says
//! whether it may have one, and a block is passed as fast as its bytes are loaded.

use fearless_simd::{Simd, prelude::*, u8x64};

const VECTOR: usize = 64;

/// As many vectors as make the rest of the work on a block small against loading them.
const BLOCK: usize = 8 * VECTOR;

/// How many vectors are looked at before the first block, since the data may well be short.
const HEAD_VECTORS: usize = 2;

/// The first quote in `bytes`.
#[inline]
pub(super) fn find_quote<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    simd.vectorize(
        #[inline(always)]
        || search(simd, bytes),
    )
}

/// Looks at vectors that are aligned, but for those of the head and the last: one that lies on two
/// lines of the cache takes twice the time to load.
#[inline(always)]
fn search<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let (head, _) = bytes.as_chunks();
    let head = &head[..head.len().min(HEAD_VECTORS)];
    if let Some(found) = find_in_vectors(simd, head) {
        return Some(found);
    }
    if head.is_empty() {
        return memchr::memchr(b'"', bytes);
    }
    let mut at = head.as_flattened().len() - bytes.as_ptr().addr() % VECTOR;
    while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
        let (vectors, _) = block.as_chunks();
        if min_per_lane(simd, vectors).simd_le(b'"').any_true()
            && let Some(found) = find_in_vectors(simd, vectors)
        {
            return Some(at + found);
        }
        at += BLOCK;
    }
    let (vectors, rest) = bytes[at..].as_chunks();
    if let Some(found) = find_in_vectors(simd, vectors) {
        return Some(at + found);
    }
    // What the last vector shares with the one before it has been looked at, and has none.
    let last = bytes.last_chunk().filter(|_| !rest.is_empty())?;
    find_in_vector(simd, last).map(|found| bytes.len() - VECTOR + found)
}

/// The lowest byte in each lane.
#[inline(always)]
fn min_per_lane<S: Simd>(simd: S, vectors: &[[u8; VECTOR]]) -> u8x64<S> {
    let highest = u8x64::splat(simd, u8::MAX);
    vectors.iter().fold(highest, |lowest, vector| lowest.min(u8x64::from_slice(simd, vector)))
}

#[inline(always)]
fn find_in_vectors<S: Simd>(simd: S, vectors: &[[u8; VECTOR]]) -> Option<usize> {
    let mut vectors = vectors.iter().enumerate();
    vectors.find_map(|(i, vector)| Some(i * VECTOR + find_in_vector(simd, vector)?))
}

#[inline(always)]
fn find_in_vector<S: Simd>(simd: S, vector: &[u8; VECTOR]) -> Option<usize> {
    let quotes = u8x64::from_slice(simd, vector).simd_eq(b'"').to_bitmask();
    (quotes != 0).then(|| quotes.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use fearless_simd::Level;
    use proptest::prelude::*;

    use super::*;

    /// What every CPU that runs the tests has, and the widest that this one has.
    fn check(bytes: &[u8]) {
        let expect = bytes.iter().position(|b| *b == b'"');
        let level = Level::new();
        assert_eq!(find_quote(level.as_sse2().unwrap(), bytes), expect);
        if let Some(simd) = level.as_avx2() {
            assert_eq!(find_quote(simd, bytes), expect);
        }
        if let Some(simd) = level.as_avx512() {
            assert_eq!(find_quote(simd, bytes), expect);
        }
    }

    #[test]
    fn a_quote_is_found_wherever_it_stands() {
        let mut bytes = vec![b'A'; 3 * BLOCK];
        for len in 0..bytes.len() {
            check(&bytes[..len]);
            check(&bytes[3..][..len.saturating_sub(3)]);
            bytes[len] = b'"';
            check(&bytes);
            check(&bytes[len.min(7)..]);
            bytes[len] = b'A';
        }
    }

    proptest! {
        #[test]
        fn lower_bytes_are_no_quotes(
            low in proptest::collection::vec(b' '..b'"', 0..3 * BLOCK),
            quotes in proptest::collection::vec(0..3 * BLOCK, 0..3),
            from in 0..VECTOR,
        ) {
            let mut bytes = low;
            for at in quotes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b'"';
                }
            }
            check(&bytes[from.min(bytes.len())..]);
        }
    }
}
