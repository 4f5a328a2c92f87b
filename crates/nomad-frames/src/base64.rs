//! The one base64 engine of this crate: standard alphabet, padded, vector code where the CPU has it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;

/// The engine that looks at the CPU once and then uses its widest instructions.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Best = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Best = base64::engine::GeneralPurpose;

/// Go ignores the unused low bits of the last symbol, so they are no error here either.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);

/// Built at first use because the vector engine asks the CPU what it can do.
static ENGINE: LazyLock<Best> = LazyLock::new(|| {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Best::standard(CONFIG);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Best::new(&base64::alphabet::STANDARD, CONFIG);
});

/// How many base64 bytes `len` raw bytes become, padding included.
pub(crate) const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3) * 4
}

/// Encodes `data` into `out`, whose length is exactly [`encoded_len`] of it.
pub(crate) fn encode(data: &[u8], out: &mut [u8]) {
    ENGINE.encode_slice(data, out).expect("the slice was sized by encoded_len");
}
