//! Sans-io, zero-copy codec for the framed streams of Nomad.

mod base64;
mod encode;
mod framer;

pub use {
    encode::StreamFrame,
    framer::{Framer, FramerConfig, Offsets},
};
