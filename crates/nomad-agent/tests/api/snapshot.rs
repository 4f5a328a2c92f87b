//! `/v1/client/allocation/:id/snapshot`

use std::{collections::BTreeMap, io::Read as _, os::unix::fs::symlink, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use blake2::{
    Blake2bMac512,
    digest::{FixedOutput as _, KeyInit as _, Update as _},
};
use http_body_util::BodyExt as _;
use nomad_agent::{AgentConfig, Role, Roster, standalone};

use crate::{
    fixture::{ALLOC, AllocFixture, UNKNOWN, alloc, run_web_to_end, shell},
    support::{TestTokens, get, open_over_http, request, send_request, start, start_alone},
};

fn path(id: &str) -> String {
    format!("/v1/client/allocation/{id}/snapshot")
}

/// The archive as bytes.
async fn archive(stage: &AllocFixture) -> Vec<u8> {
    let answer = open_over_http(&stage.agent, &path(ALLOC)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    answer.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// An entry of an archive: its type, its target if it is a link, its content.
type Entry = (tar::EntryType, Option<String>, String);

fn entries(archive: &[u8]) -> Vec<(String, Entry)> {
    let mut tar = tar::Archive::new(archive);
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        let kind = entry.header().entry_type();
        let target = entry.link_name().unwrap().map(|target| target.display().to_string());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        (name, (kind, target, content))
    });
    entries.collect()
}

#[tokio::test]
async fn data_and_local_are_carried_and_nothing_else() {
    let stage = run_web_to_end("echo log").await;
    stage.write("alloc/data/state", "precious");
    std::fs::create_dir_all(stage.path("web/local/a/b")).unwrap();
    stage.write("web/local/a/b/file", "deep");
    let long = format!("web/local/{}", "long".repeat(50));
    stage.write(&long, "name");
    stage.write("web/secrets/token", "hush");
    symlink("/etc/passwd", stage.path("web/local/link")).unwrap();
    let entries: BTreeMap<_, _> = entries(&archive(&stage).await).into_iter().collect();
    let names: Vec<_> = entries.keys().map(String::as_str).collect();
    let expected = [
        "alloc/data",
        "alloc/data/state",
        "ghost/local",
        "web/local",
        "web/local/a",
        "web/local/a/b",
        "web/local/a/b/file",
        "web/local/link",
        &long,
    ];
    assert_eq!(names, expected);
    assert_eq!(entries["alloc/data/state"].2, "precious");
    assert_eq!(entries["web/local/a/b/file"].2, "deep");
    assert_eq!(entries[&long].2, "name");
    assert_eq!(entries["web/local"].0, tar::EntryType::Directory);
    assert_eq!(entries["web/local/link"].0, tar::EntryType::Symlink);
    assert_eq!(entries["web/local/link"].1.as_deref(), Some("/etc/passwd"));
}

#[tokio::test]
async fn a_broken_directory_is_told_in_the_archive() {
    let stage = run_web_to_end("").await;
    std::fs::remove_dir_all(stage.path("web/local")).unwrap();
    let bytes = archive(&stage).await;
    let text = format!("lstat {}: no such file or directory", stage.path("web/local").display());
    let entries = entries(&bytes);
    let (name, (_, _, content)) = entries.last().unwrap();
    assert_eq!(name, &format!("NOMAD-{ALLOC}-ERROR.log"));
    assert_eq!(content, &format!("Error snapshotting: {text}"));
    assert!(bytes.ends_with(format!("error making snapshot: {text}").as_bytes()));
}

#[tokio::test]
async fn a_swapped_directory_brings_nothing_in_from_outside() {
    let stage = run_web_to_end("").await;
    std::fs::remove_dir_all(stage.path("web/local")).unwrap();
    symlink("/etc", stage.path("web/local")).unwrap();
    let entries = entries(&archive(&stage).await);
    let (name, (kind, ..)) = entries.last().unwrap();
    assert_eq!((name.as_str(), *kind), ("web/local", tar::EntryType::Symlink));
    // Swapping the directory of the task itself does not help either.
    std::fs::remove_file(stage.path("web/local")).unwrap();
    std::fs::rename(stage.path("web"), stage.path("moved")).unwrap();
    symlink("/etc", stage.path("web")).unwrap();
    let bytes = archive(&stage).await;
    let archived = self::entries(&bytes);
    assert!(archived.last().unwrap().0.ends_with("ERROR.log"));
    assert!(!archived.iter().any(|(name, _)| name.contains("passwd")));
}

#[tokio::test]
async fn many_bytes_are_streamed_whole() {
    let stage = run_web_to_end("").await;
    let line = "0123456789abcdef".repeat(1024);
    stage.write("alloc/data/big", line.repeat(200));
    let entries: BTreeMap<_, _> = entries(&archive(&stage).await).into_iter().collect();
    assert_eq!(entries["alloc/data/big"].2, line.repeat(200));
}

#[tokio::test]
async fn who_may_not_is_told_before_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let config = AgentConfig {
        data_dir: Some(dir.path().to_owned()),
        acl_enabled: true,
        ..AgentConfig::new("client1", Role::Client)
    };
    let agent = start(config, &Arc::new(Roster::new())).await;
    agent.run(alloc(vec![shell("web", "")])).unwrap();
    let secret = std::fs::read_to_string(dir.path().join("client/secret-id")).unwrap();
    let token = |id: &str| {
        let mut hash = Blake2bMac512::new_from_slice(secret.as_bytes()).unwrap();
        hash.update(id.as_bytes());
        URL_SAFE.encode(hash.finalize_fixed())
    };
    let with = |id: &str, token: &str| {
        let mut request = request("GET", &path(id));
        if !token.is_empty() {
            request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
        }
        send_request(standalone(agent.clone(), TestTokens), request)
    };
    for wrong in ["", "management", "unknown", &token(UNKNOWN)] {
        assert_eq!(with(ALLOC, wrong).await.refusal(), (403, "Permission denied"), "{wrong}");
        let denied = with("123", wrong).await;
        assert_eq!(denied.refusal(), (403, "Permission denied"));
    }
    assert_eq!(with(ALLOC, &token(ALLOC)).await.status, 200);
    assert_eq!(with("123", &token("123")).await.refusal(), (500, "allocation not found"));
    assert_eq!(get(&agent, &path("123")).await.refusal(), (500, "allocation not found"));
    let server = start_alone(Role::Server).await;
    let nobody = (400, "node is not running a Nomad Client");
    assert_eq!(get(&server, &path(ALLOC)).await.refusal(), nobody);
}
