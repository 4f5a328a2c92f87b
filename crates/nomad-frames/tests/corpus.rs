//! Replays what the fuzzers found worth keeping, on stable and with every `cargo test`.
#![expect(clippy::unwrap_used, reason = "a law that does not hold must panic")]

pub mod laws;

fn replay(target: &str, law: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        assert!(input.len() <= 4_096, "{} is too long for a corpus", path.display());
        law(&input);
        count += 1;
    }
    assert!(count >= 10, "{folder} has only {count} files");
}

#[test]
fn frames_split() {
    replay("frames_split", laws::split);
}

#[test]
fn frames_roundtrip() {
    replay("frames_roundtrip", laws::roundtrip);
}
