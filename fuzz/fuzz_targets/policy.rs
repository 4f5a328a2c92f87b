//! Any bytes as a policy text: reading never panics, printing keeps the meaning, and a policy said
//! twice says the same.
#![no_main]

#[path = "../../crates/nomad-acl/tests/policy_law/mod.rs"]
mod policy_law;

libfuzzer_sys::fuzz_target!(|input: &[u8]| policy_law::hold(input));
