//! What does it cost to take a stream of frames apart, and to write one?
//!
//! Four questions, each for frames of 64 B, 1 KiB, 16 KiB and 64 KiB of data, in a stream that
//! stays in the cache (hot, 512 KiB) and one that does not (cold, 64 MiB):
//!
//! - **split**: where does each frame end, and where are its parts? The stream is one buffer.
//! - **decode**: the same, and each payload into a buffer that is used again.
//! - **fed**: split again, but from reads of 16 and of 64 KiB, the copy out of the "socket"
//!   included; and how many bytes were copied for each one received.
//! - **encode**: from (file, offset, bytes) to what goes on the wire.
//!
//! The reference is what one writes without this crate: `serde_json` into an owned struct, then
//! `base64` in its portable engine. Beside it `sonic-rs`, and as limits a memchr that finds
//! nothing and a memcpy.
//!
//! A machine that other programs use has no speed of its own, so nothing is measured one after
//! the other: each round runs every method, in turns, and a ratio is the median over the rounds
//! of the ratios within a round. Run with `cargo bench -p nomad-benches --bench frames`; an
//! argument keeps the sections whose name contains it (`-- hot`, `-- encode`).
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

#[path = "frames/harness.rs"]
mod harness;
#[path = "frames/methods.rs"]
mod methods;
#[path = "frames/stream.rs"]
mod stream;

use harness::{Method, Table};
use stream::Stream;

const SIZES: [usize; 4] = [64, 1 << 10, 16 << 10, 64 << 10];

type Methods = for<'a> fn(&'a Stream) -> Vec<Method<'a>>;

const WORKS: [(&str, Methods); 5] = [
    ("split", methods::split),
    ("decode", methods::decode),
    ("fed 16 KiB", |stream| methods::fed(stream, 16 << 10)),
    ("fed 64 KiB", |stream| methods::fed(stream, 64 << 10)),
    ("encode", methods::encode),
];

fn main() {
    // Cargo adds flags such as `--bench`; what is left is the filter.
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    for (heat, bytes) in [("hot", 512 << 10), ("cold", 64 << 20)] {
        for size in SIZES {
            let stream = Stream::new(size, bytes);
            for (work, methods) in WORKS {
                let title = format!("{heat} {work} {size}");
                if title.contains(&filter) {
                    let table = Table::measure(methods(&stream), stream.bytes.len());
                    println!("\n{title} B a frame, {} frames\n{table}", stream.parts.len());
                }
            }
            if format!("{heat} copied {size}").contains(&filter) {
                methods::copied(&stream);
            }
        }
    }
}
