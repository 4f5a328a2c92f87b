//! Any request target: nothing panics, and what is understood is printed back to the same call.

#![no_main]

#[path = "../../crates/nomad-wire/tests/route_law/mod.rs"]
mod route_law;

libfuzzer_sys::fuzz_target!(|input: &[u8]| route_law::check(input));
