//! The dependencies in the lock file: their sources, their licences, and duplicate versions.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// Licences that a dependency may have. Any other one is a decision to be made and written down here.
const LICENCES: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates under other licences. MPL-2.0 requires the source of its own changed files only: these are used
/// unchanged.
const EXCEPTIONS: [(&str, &str); 7] = [
    ("memberlist", "MPL-2.0"),
    ("memberlist-core", "MPL-2.0"),
    ("memberlist-net", "MPL-2.0"),
    ("memberlist-proto", "MPL-2.0"),
    ("memberlist-quic", "MPL-2.0"),
    ("serf", "MPL-2.0"),
    ("serf-core", "MPL-2.0"),
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that come in more than one version, because two of our dependencies disagree. Duplicates cost build time
/// and bytes: check a new one before adding it, and remove one that is gone.
const TWICE: [&str; 22] = [
    "base64",
    "bitflags",
    "block-buffer",
    "block-padding",
    "cbc",
    "cipher",
    "cpufeatures",
    "crypto-common",
    "digest",
    "generic-array",
    "getrandom",
    "heck",
    "inout",
    "r-efi",
    "rand",
    "rand_core",
    "smol_str",
    "strsim",
    "syn",
    "synstructure",
    "untrusted",
    "windows-sys",
];

/// Name and source of every package in the lock file; ours have no source.
fn locked() -> Vec<(String, Option<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let text = std::fs::read_to_string(path).unwrap();
    let value = |package: &str, key: &str| {
        let quoted =
            package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(quoted.trim_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    packages.map(|one| (value(one, "name").unwrap(), value(one, "source"))).collect()
}

/// Every package that this machine's build may need. Offline: compiling these tests has fetched them all.
fn compiled() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be satisfied with allowed licences alone. `AND` binds more tightly than `OR`, and
/// the slash is the `OR` of old manifests.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.trim();
    let any = split(expression, " OR ");
    if any.len() > 1 {
        return any.into_iter().any(is_allowed);
    }
    let all = split(expression, " AND ");
    if all.len() > 1 {
        return all.into_iter().all(is_allowed);
    }
    match expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_allowed(inner),
        None => LICENCES.contains(&expression),
    }
}

/// Splits at separators outside parentheses.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && text[at..].starts_with(separator) => {
                parts.push(&text[begin..at]);
                begin = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[test]
fn licences_are_allowed_ones() {
    for package in compiled() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none given");
        let is_known = EXCEPTIONS.contains(&(name, licence));
        let spelled = licence.replace(" / ", " OR ").replace('/', " OR ");
        assert!(is_known || is_allowed(&spelled), "{name} comes under {licence}");
    }
}

#[test]
fn expressions_are_read_as_spdx_says() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(ISC AND GPL-3.0) OR MIT", true),
        ("MIT AND ISC OR GPL-3.0", true),
        ("GPL-3.0 OR MIT AND GPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
    ] {
        assert_eq!(is_allowed(expression), expected, "{expression}");
    }
}

#[test]
fn dependencies_come_from_the_registry_alone() {
    for (name, source) in locked() {
        let Some(source) = source else {
            assert!(name.starts_with("nomad-"), "{name} comes from a folder");
            continue;
        };
        assert_eq!(source, REGISTRY, "{name}");
    }
}

#[test]
fn what_comes_twice_is_known() {
    let mut counts = BTreeMap::<String, usize>::new();
    for (name, _) in locked() {
        *counts.entry(name).or_default() += 1;
    }
    let twice: Vec<_> =
        counts.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name.as_str()).collect();
    for name in &twice {
        assert!(TWICE.contains(name), "{name} comes twice: `cargo tree --duplicates` says why");
    }
    for name in TWICE {
        assert!(twice.contains(&name), "{name} comes once now: strike it out");
    }
}
