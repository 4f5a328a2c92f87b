//! Replays what the fuzzers found worth keeping, on stable and with every `cargo test`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod policy_law;

use proptest::{prelude::*, sample::Index};

/// The longest file a corpus should hold; anything longer is a case for the bounds test.
const LONGEST: usize = 4_096;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/policy");

/// Pieces of the language, to cut and paste with.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "=",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    " ",
    "#",
    "/*",
    "*/",
    "<<A\n",
    "A\n",
    "${",
    "0",
    "policy",
    "deny",
    "namespace",
    "path",
    "\"*\"",
    "null",
];

fn files() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn every_policy_of_the_corpus_keeps_the_law() {
    let files = files();
    for bytes in &files {
        assert!(bytes.len() <= LONGEST, "too long: {}", String::from_utf8_lossy(bytes));
        policy_law::hold(bytes);
    }
    assert!(files.len() >= 60, "the corpus has only {} files", files.len());
}

#[test]
fn every_policy_cut_and_pasted_keeps_the_law() {
    let files = files();
    proptest!(|(
        file in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0_usize..6, any::<Index>()), 1..4),
    )| {
        let mut bytes = file.get(&files).clone();
        for (at, length, piece) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece.get(&PIECES).bytes());
        }
        policy_law::hold(&bytes);
    });
}
