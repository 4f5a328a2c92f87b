//! Any bytes as files: what is framed is read back, byte for byte and at its position.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nomad_fuzz::roundtrip(input));
