//! Replays the fuzz corpus of routes on stable.

use std::{fs, path::Path};

mod route_law;

#[test]
fn every_input_of_the_corpus_keeps_the_law() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/route");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is part of the repository") {
        let input = fs::read(entry.expect("a readable folder").path()).expect("a readable input");
        route_law::check(&input);
        inputs += 1;
    }
    assert!(inputs >= 10, "only {inputs} inputs");
}
