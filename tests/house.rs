//! The rules of the workspace: allowed imports between packages, and what every crate has.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_json::Value;

/// The packages of ours that each package may import. `benches` and `tests` use every public API and are not
/// listed.
const ALLOWED_DEPENDENCIES: [(&str, &[&str]); 6] = [
    ("nomad-wire", &[]),
    ("nomad-frames", &[]),
    ("nomad-acl", &["nomad-wire"]),
    ("nomad-forward", &["nomad-wire", "nomad-acl"]),
    ("nomad-agent", &["nomad-wire", "nomad-frames", "nomad-acl"]),
    ("nomad-gateway", &["nomad-wire", "nomad-frames", "nomad-acl", "nomad-forward", "nomad-agent"]),
];

/// The sans-io crates: none of the crates below may be in their manifests.
const SANS_IO: [&str; 3] = ["nomad-wire", "nomad-frames", "nomad-acl"];
const IO_CRATES: [&str; 6] = ["tokio", "hyper", "hyper-util", "mio", "socket2", "reqwest"];

fn workspace() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Package → its imports, tests excluded.
fn imports() -> BTreeMap<String, Vec<String>> {
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|one| one["kind"].is_null() && one["optional"] == false);
        let names = normal.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (package["name"].as_str().unwrap().to_owned(), names)
    };
    workspace().iter().map(package).collect()
}

#[test]
fn crates_import_only_their_allowed_dependencies() {
    let imports = imports();
    for (package, doors) in ALLOWED_DEPENDENCIES {
        for import in imports[package].iter().filter(|name| name.starts_with("nomad-")) {
            assert!(doors.contains(&import.as_str()), "{package} must not import {import}");
        }
    }
}

#[test]
fn sans_io_crates_know_no_runtime_and_no_socket() {
    let imports = imports();
    for package in SANS_IO {
        for import in &imports[package] {
            assert!(!IO_CRATES.contains(&import.as_str()), "{package} must not import {import}");
        }
    }
}

#[test]
fn every_package_has_lints_crate_docs_and_a_readme() {
    for package in workspace() {
        let name = package["name"].as_str().unwrap();
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{name} goes by the lint table");
        let folder = manifest.parent().unwrap();
        if !ALLOWED_DEPENDENCIES.iter().any(|(listed, _)| *listed == name) {
            continue;
        }
        let essay = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(essay.starts_with("//! "), "{name} opens with an essay");
        let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(page.lines().count() > 10, "{name} has a page of its own");
    }
}

#[test]
fn versions_are_written_in_one_place() {
    for package in workspace() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let text = std::fs::read_to_string(manifest).unwrap();
        // The minimum Rust version is each crate's own promise.
        let is_version =
            |line: &&str| line.contains("version = \"") && !line.starts_with("rust-version");
        let written = text.lines().find(is_version);
        assert_eq!(written, None, "{manifest}: a version belongs into the workspace's table");
    }
}
