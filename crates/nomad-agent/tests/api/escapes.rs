//! A hundred attempts to escape from an allocation; all fail.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::fixture::{ALLOC, AllocFixture, run_web_to_end};

/// The content that must never be read.
const OUTSIDE: &str = "this is outside";
const SECRET: &str = "this is secret";

async fn links_out() -> AllocFixture {
    let stage = run_web_to_end("echo inside").await;
    let base = stage.path("..");
    fs::write(base.join("outside"), OUTSIDE).unwrap();
    // A sibling whose name has this one's as its prefix.
    fs::create_dir_all(base.join(format!("{ALLOC}2"))).unwrap();
    fs::write(base.join(format!("{ALLOC}2/outside")), OUTSIDE).unwrap();
    for kind in ["secrets", "private"] {
        fs::create_dir_all(stage.path(&format!("web/{kind}/deep"))).unwrap();
        stage.write(&format!("web/{kind}/file"), SECRET);
        stage.write(&format!("web/{kind}/deep/file"), SECRET);
    }
    stage
}

/// Links to forbidden targets, by name.
fn links(stage: &AllocFixture) -> Vec<String> {
    let root = stage.path("");
    let outside = root.join("../outside");
    let mut targets = vec![
        outside.display().to_string(),
        "../../../outside".to_owned(),
        "../../../../../../../../../../etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
        "/proc/self/root/etc/passwd".to_owned(),
        "/proc/self/cwd/Cargo.toml".to_owned(),
        "/dev/zero".to_owned(),
        format!("../../../{ALLOC}2/outside"),
        format!("{}2/outside", root.display().to_string().trim_end_matches('/')),
        "../secrets/file".to_owned(),
        "../private/deep/file".to_owned(),
        root.join("web/secrets/file").display().to_string(),
    ];
    // Links to links fail likewise.
    targets.extend((0..targets.len()).map(|at| format!("link{at}")));
    let mut names = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let name = format!("web/local/link{at}");
        symlink(target, stage.path(&name)).unwrap();
        names.push(name);
    }
    symlink("loop", stage.path("web/local/loop")).unwrap();
    symlink("../../..", stage.path("web/local/up")).unwrap();
    symlink("/", stage.path("web/local/top")).unwrap();
    names.push("web/local/loop".to_owned());
    names.extend(["outside", "../outside", "./outside"].map(|rest| format!("web/local/up/{rest}")));
    names.extend(
        ["etc/passwd", "proc/self/environ", "proc/1/environ", "proc/self/fd/0"]
            .map(|rest| format!("web/local/top/{rest}")),
    );
    names
}

/// Paths that lead out, or into secrets, by their text.
fn written() -> Vec<String> {
    let mut paths = Vec::new();
    for up in ["..", "../..", "alloc/../..", "web/local/../../..", "./.././", "/..", "//../"] {
        for rest in ["outside", "../outside", "etc/passwd", &format!("{ALLOC}2/outside")] {
            paths.push(format!("{up}/{rest}"));
        }
    }
    for kind in ["secrets", "SECRETS", "SeCrEtS", "private", "PRIVATE", "pRIVATE"] {
        for path in ["web/{}/file", "/web/{}/deep/file", "web/./{}//file", "alloc/../web/{}/file"] {
            paths.push(path.replace("{}", kind));
        }
    }
    for path in ["..foo/x", "%2e%2e/outside", "..%2Foutside", "web/local/../secrets/file"] {
        paths.push(path.to_owned());
    }
    paths
}

#[tokio::test]
async fn nobody_reads_what_is_outside_or_secret() {
    let stage = links_out().await;
    let paths: Vec<_> = written().into_iter().chain(links(&stage)).collect();
    assert!(paths.len() >= 90, "{}", paths.len());
    let mut attempts = 0;
    for path in &paths {
        for (call, more) in [("cat", ""), ("readat", "&offset=0"), ("stream", "&follow=false")] {
            let answer = stage.get(call, &format!("path={path}{more}")).await;
            let (status, text) = answer.refusal();
            assert!((400..=500).contains(&status), "{call} {path}: {status} {text}");
            assert!(!text.contains(OUTSIDE) && !text.contains(SECRET), "{call} {path}: {text}");
            attempts += 1;
        }
    }
    assert!(attempts > 250, "{attempts}");
    // Dots that are percent-encoded twice are a name that does not exist.
    assert_eq!(stage.get("stat", "path=alloc").await.status, 200);
}

#[tokio::test]
async fn listing_and_stat_stay_inside_too() {
    let stage = links_out().await;
    links(&stage);
    for path in ["..", "web/local/up", "web/local/top", "web/local/top/etc", "web/local/link0"] {
        for call in ["ls", "stat"] {
            let answer = stage.get(call, &format!("path={path}")).await;
            assert_eq!(
                answer.refusal(),
                (500, "Path escapes the alloc directory"),
                "{call} {path}"
            );
        }
    }
    let loops = stage.get("stat", "path=web/local/loop").await;
    let text = "Failed to check if path escapes alloc directory: too many levels of symbolic links";
    assert_eq!(loops.refusal(), (500, text));
}

#[tokio::test]
async fn the_same_task_cannot_be_named_as_a_way_out_of_its_logs() {
    let stage = links_out().await;
    for task in ["..", "../web", "web/../../outside", "/etc/passwd", ".."] {
        let answer = stage.get("logs", &format!("task={task}&type=stdout&plain=true")).await;
        assert_eq!(answer.refusal().0, 400, "{task}");
    }
    // A log file that is a link to the outside.
    symlink("../../../outside", stage.path("alloc/logs/web.stdout.1")).unwrap();
    let answer = stage.get("logs", "task=web&type=stdout&plain=true&origin=end&offset=0").await;
    assert!(!answer.text.contains(OUTSIDE), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_while_it_is_read_leads_nowhere_else() {
    let stage = links_out().await;
    fs::create_dir(stage.path("web/local/real")).unwrap();
    stage.write("web/local/real/file", "inside");
    fs::write(stage.path("../file"), OUTSIDE).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let swapping = {
        let over = Arc::clone(&over);
        let local = stage.path("web/local");
        std::thread::spawn(move || swap(&local, &over))
    };
    let mut read = 0;
    for _ in 0..400 {
        let answer = stage.get("cat", "path=web/local/way/file").await;
        assert!(!answer.text.contains(OUTSIDE), "{}", answer.text);
        if answer.status == 200 {
            assert_eq!(answer.text, "inside");
            read += 1;
        }
    }
    over.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(read > 0, "the way inside was open now and then");
}

/// Makes `way` lead inside and outside in turns.
fn swap(local: &Path, over: &AtomicBool) {
    let (way, next) = (local.join("way"), local.join("next"));
    let mut targets = ["real", "../../..", "real"].iter().cycle();
    while !over.load(Ordering::Relaxed) {
        let target = targets.next().copied().unwrap_or("real");
        symlink(target, &next).unwrap();
        fs::rename(&next, &way).unwrap();
    }
}

/// The prefixes and paths of Nomad's own table, and whether they lead out.
#[tokio::test]
async fn a_path_leads_out_where_its_text_does() {
    let stage = links_out().await;
    fs::create_dir_all(stage.path("foo/bar")).unwrap();
    let escapes = "Path escapes the alloc directory";
    for (prefix, path, leads_out) in [
        ("", "", false),
        ("", "/foo", false),
        ("", "./", false),
        ("", "../", true),
        ("foo", "../", false),
        ("foo", "../../", true),
        ("foo/bar", "../../../", true),
    ] {
        let query = format!("path={prefix}/{path}");
        let answer = stage.get("ls", &query).await;
        if leads_out {
            assert_eq!(answer.refusal(), (500, escapes), "{query}");
        } else {
            answer.json();
        }
    }
    for (call, status) in [("ls", 500), ("stat", 500), ("cat", 400), ("stream", 400)] {
        let path = if call == "ls" { ".." } else { "../foo" };
        assert_eq!(stage.get(call, &format!("path={path}")).await.refusal(), (status, escapes));
    }
    assert_eq!(stage.get("readat", "offset=0&path=../foo").await.refusal(), (400, escapes));
    stage.write("web/secrets/test_file", SECRET);
    let refused = stage.get("readat", "offset=0&path=web/secrets/test_file").await;
    let text = "Reading secret file prohibited: web/secrets/test_file";
    assert_eq!(refused.refusal(), (500, text));
}
