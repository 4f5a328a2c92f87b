//! Base64 of the standard alphabet, padded, with vector code where the CPU has it.
//!
//! Two engines, each for what it does better: `base64-simd` encodes, and decodes what is short;
//! the vector engine of `base64` decodes what is long, at almost twice the speed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64_simd::AsOut as _;

/// The engine that looks at the CPU once and then uses its widest instructions.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Best = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Best = base64::engine::GeneralPurpose;

/// Go ignores the unused low bits of the last symbol, so they are no error here either.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);

/// Built at first use because the vector engine asks the CPU what it can do.
static LONG: LazyLock<Best> = LazyLock::new(|| {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Best::standard(CONFIG);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Best::new(&base64::alphabet::STANDARD, CONFIG);
});

/// From here on the engine for long payloads is the faster one to decode.
const LONG_FROM: usize = 384;

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
    let _encoded = base64_simd::STANDARD.encode(data, out.as_out());
}

/// Decodes `base64` into the start of `out`. `None` if it is not plain, whole and padded, or
/// does not fit; and, which costs only time, for some payloads that are merely unusual.
#[inline]
pub(crate) fn decode(base64: &[u8], out: &mut [u8]) -> Option<usize> {
    if base64.len() >= LONG_FROM {
        return LONG.decode_slice(base64, out).ok();
    }
    // It asserts that there is room for what comes out.
    if out.len() < decoded_len(base64) {
        return None;
    }
    base64_simd::STANDARD.decode(base64, out.as_out()).ok().map(|decoded| decoded.len())
}
