//! Base64 of the standard alphabet, padded, with the widest vectors that the CPU has.

use base64_turbo::STANDARD;

/// How many base64 bytes `len` raw bytes become, padding included.
pub(crate) const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3) * 4
}

/// How many raw bytes plain base64 becomes.
#[inline]
pub(crate) fn decoded_len(base64: &[u8]) -> usize {
    let padding = match base64 {
        [.., b'=', b'='] => 2,
        [.., b'='] => 1,
        _ => 0,
    };
    (base64.len() / 4 * 3).saturating_sub(padding)
}

/// Encodes `data` into `out`, whose length is exactly [`encoded_len`] of it.
#[inline]
pub(crate) fn encode(data: &[u8], out: &mut [u8]) {
    let encoded = STANDARD.encode_slice(data, out);
    debug_assert_eq!(encoded, Ok(out.len()), "there is room for all of it");
}

/// Decodes `base64` into the start of `out`. `None` if it is not plain, whole and padded, or
/// does not fit; and, which costs only time, for some payloads that are merely unusual.
#[inline]
pub(crate) fn decode(base64: &[u8], out: &mut [u8]) -> Option<usize> {
    if out.len() >= base64.len().div_ceil(4) * 3 {
        return STANDARD.decode_slice(base64, out).ok();
    }
    decode_into_exact(base64, out)
}

/// The same where there is room for what comes out but not for what is padding, which the engine
/// asks for: the last group is decoded by itself.
fn decode_into_exact(base64: &[u8], out: &mut [u8]) -> Option<usize> {
    let (body, last) = base64.split_last_chunk::<4>()?;
    let (whole, rest) = out.split_at_mut_checked(body.len().div_ceil(4) * 3)?;
    let mut end = [0; 3];
    let len = STANDARD.decode_slice(last, &mut end).ok()?;
    rest.get_mut(..len)?.copy_from_slice(&end[..len]);
    // Less than that would be padding in the middle.
    (STANDARD.decode_slice(body, whole) == Ok(whole.len())).then_some(whole.len() + len)
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::prelude::BASE64_STANDARD as REFERENCE;
    use proptest::prelude::*;

    use super::*;

    fn encoded(data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; encoded_len(data.len())];
        encode(data, &mut out);
        out
    }

    #[test]
    fn every_length_is_coded_as_the_reference_does() {
        let data: Vec<u8> = (0..1_200_u32).map(|i| (i * i / 7) as u8).collect();
        for len in 0..data.len() {
            let data = &data[..len];
            let base64 = encoded(data);
            assert_eq!(base64, REFERENCE.encode(data).as_bytes());
            assert_eq!(decoded_len(&base64), len);
            for room in [len, len + 1, len + 100] {
                let mut out = vec![0x5a; room];
                assert_eq!(decode(&base64, &mut out), Some(len));
                assert_eq!(&out[..len], data);
                assert!(out[len + 2.min(room - len)..].iter().all(|b| *b == 0x5a));
            }
            let mut short = vec![0; len.saturating_sub(1)];
            assert_eq!(decode(&base64, &mut short).is_some(), len == 0);
        }
    }

    proptest! {
        #[test]
        fn what_is_damaged_is_judged_as_the_reference_does(
            data in proptest::collection::vec(any::<u8>(), 1..2_000),
            at in any::<prop::sample::Index>(),
            with in prop_oneof![any::<u8>(), Just(b'='), Just(b'"'), Just(b'\\'), Just(b'-')],
        ) {
            let mut base64 = encoded(&data);
            let at = at.index(base64.len());
            base64[at] = with;
            let expect = REFERENCE.decode(&base64).ok();
            for room in [data.len(), data.len() + 2] {
                let mut out = vec![0; room];
                let len = decode(&base64, &mut out);
                // Damage may turn padding into a symbol, for which there may be no room.
                if expect.as_ref().is_none_or(|expect| expect.len() <= room) {
                    prop_assert_eq!(len.map(|len| &out[..len]), expect.as_deref());
                }
            }
        }
    }
}
