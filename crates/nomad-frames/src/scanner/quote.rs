//! The search for a quote: all that is done with most bytes of a stream.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod avx512;

/// The first quote in `bytes`.
#[inline]
pub(crate) fn find_quote(bytes: &[u8]) -> Option<usize> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(simd) = fearless_simd::Level::new().as_avx512() {
        return avx512::find_quote(simd, bytes);
    }
    memchr::memchr(b'"', bytes)
}
