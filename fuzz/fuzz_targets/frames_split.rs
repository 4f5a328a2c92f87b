//! Any bytes as a stream: every chunking says the same, and the obvious decoder agrees.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nomad_fuzz::split(input));
