//! The table of limits: its numbers are those of the constants that it names.
//!
//! A row names constants by the end of their path, `listen::MAX_CONNECTIONS`, or a field of a default value,
//! `budget::connections`. Every number of a row is the value of one of them, and every value is in the row. Numbers
//! that follow from others, or that a library sets, are in backticks or written as words. Those do not count, nor
//! do HTTP statuses.

use std::path::{Path, PathBuf};

use super::{files, root};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Count(u64),
    Millis(u64),
}

/// HTTP statuses, and close codes of websockets, that occur in the table.
const STATUSES: [u64; 8] = [101, 408, 414, 429, 431, 503, 1009, 1013];

/// The value of a constant's expression: integers with `+`, `*` and `<<`, and `Duration` of seconds or
/// milliseconds.
fn evaluate(expression: &str) -> Option<Quantity> {
    let inner = |name: &str| expression.strip_prefix(name)?.strip_suffix(')');
    if let Some(seconds) = inner("Duration::from_secs(") {
        return Some(Quantity::Millis(integer(seconds)? * 1000));
    }
    match inner("Duration::from_millis(") {
        Some(millis) => Some(Quantity::Millis(integer(millis)?)),
        None => Some(Quantity::Count(integer(expression)?)),
    }
}

fn integer(expression: &str) -> Option<u64> {
    let folded = |separator: &str, join: fn(u64, u64) -> u64| {
        let (left, right) = expression.split_once(separator)?;
        Some(join(integer(left)?, integer(right)?))
    };
    let plain = || expression.replace('_', "").parse().ok();
    folded(" << ", |left, right| left << right)
        .or_else(|| folded(" + ", |left, right| left + right))
        .or_else(|| folded(" * ", |left, right| left * right))
        .or_else(plain)
}

/// The value of a constant or a field in a source: the first `name: … = value;` or `name: value,` that can be evaluated.
fn value(source: &str, name: &str) -> Option<Quantity> {
    let pattern = format!("{name}: ");
    let places = source.match_indices(&pattern);
    let whole = places.filter(|(at, _)| {
        !source[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    });
    whole
        .filter_map(|(at, _)| {
            let rest = &source[at + pattern.len()..];
            let end = rest.find([';', ',', '}', '\n']).unwrap_or(rest.len());
            let written = rest[..end].trim();
            evaluate(written.split_once(" = ").map_or(written, |(_, expression)| expression))
        })
        .next()
}

/// The source that a path ends in: `a::b::NAME` is in a file whose path ends with `a/b.rs`. The crate counts as a folder.
fn sources(module: &str, all: &[PathBuf]) -> Vec<PathBuf> {
    let end = PathBuf::from(format!("{}.rs", module.replace("::", "/")));
    let is_meant = |path: &&PathBuf| {
        let parts = path.components().filter(|part| part.as_os_str() != "src");
        parts.collect::<PathBuf>().ends_with(&end)
    };
    all.iter().filter(is_meant).cloned().collect()
}

/// The value of `a::b::NAME`, or why it cannot be found.
fn named(path: &str, all: &[PathBuf]) -> Result<Quantity, String> {
    let (module, name) = path.rsplit_once("::").ok_or("it has no module")?;
    let read = |source: PathBuf| value(&std::fs::read_to_string(source).unwrap(), name);
    let values: Vec<_> = sources(module, all).into_iter().filter_map(read).collect();
    match values[..] {
        [one] => Ok(one),
        [] => Err("no source has it".to_owned()),
        _ => Err("several sources have it: name one more module".to_owned()),
    }
}

/// The numbers of a text, with their units.
fn quantities(text: &str) -> Vec<Quantity> {
    let prose: String = text.split('`').step_by(2).collect();
    let words: Vec<_> = prose
        .split_whitespace()
        .map(|word| word.trim_matches(['(', ')', ',', ';', '.', ':']))
        .collect();
    let number = |word: &str| word.replace(',', "").parse::<u64>().ok();
    let read = |(at, word): (usize, &&str)| {
        let number = number(word)?;
        match words.get(at + 1).copied() {
            Some("ms") => Some(Quantity::Millis(number)),
            Some("s") => Some(Quantity::Millis(number * 1000)),
            Some("min") => Some(Quantity::Millis(number * 60_000)),
            Some("h") => Some(Quantity::Millis(number * 3_600_000)),
            Some("KiB") => Some(Quantity::Count(number << 10)),
            Some("MiB") => Some(Quantity::Count(number << 20)),
            _ if STATUSES.contains(&number) => None,
            _ => Some(Quantity::Count(number)),
        }
    };
    words.iter().enumerate().filter_map(read).collect()
}

/// The errors in a row.
fn faults(row: &str, all: &[PathBuf]) -> Vec<String> {
    let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
    let [limit, said, place] = cells[..] else {
        return vec![format!("{row}: three cells are wanted")];
    };
    let written = quantities(&format!("{limit} {said}"));
    let (mut faults, mut meant) = (Vec::new(), Vec::new());
    let spans = place.split('`').skip(1).step_by(2);
    for path in spans.filter(|span| span.contains("::")) {
        match named(path, all) {
            Ok(value) if written.contains(&value) => meant.push(value),
            Ok(value) => {
                faults.push(format!("{limit}: {path} is {value:?}, which the row does not say"))
            }
            Err(error) => faults.push(format!("{limit}: {path}: {error}")),
        }
    }
    let loose = written.into_iter().filter(|one| !meant.contains(one));
    faults.extend(loose.map(|one| format!("{limit}: no constant that the row names is {one:?}")));
    faults
}

#[test]
fn limits_are_what_the_code_says() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = page.split_once("\n## Limits\n").unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    let sources: Vec<_> =
        ["crates", "gateway"].iter().flat_map(|folder| files(&root().join(folder), "rs")).collect();
    let faults: Vec<_> = rows.iter().flat_map(|row| faults(row, &sources)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn constants_are_read_as_they_are_written() {
    let source = "    pub const A: usize = 16 << 10;\nconst MAX_A: u64 = 7;\nconst C: Duration = Duration::from_secs(24 * 3600);\n\
        pub waiting: usize,\nSelf { connections: 88, waiting: 512, patience: Duration::from_millis(5) }";
    for (name, expected) in [
        ("A", Some(Quantity::Count(16_384))),
        ("C", Some(Quantity::Millis(86_400_000))),
        ("waiting", Some(Quantity::Count(512))),
        ("patience", Some(Quantity::Millis(5))),
        ("D", None),
    ] {
        assert_eq!(value(source, name), expected, "{name}");
    }
    let text = "16,384; 2 min, `7` and 64 KiB (429), HTTP/2 of 2.0.6";
    let expected = [Quantity::Count(16_384), Quantity::Millis(120_000), Quantity::Count(65_536)];
    assert_eq!(quantities(text), expected);
    assert_eq!(
        sources(
            "a::b",
            &[Path::new("x/src/a/b.rs").to_owned(), Path::new("x/src/b.rs").to_owned()]
        )
        .len(),
        1
    );
}
