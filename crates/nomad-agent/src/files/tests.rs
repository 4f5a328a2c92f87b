//! The rules of paths, on a real directory.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::alloc::AllocDir;

struct Stage {
    base: tempfile::TempDir,
    root: PathBuf,
    files: Files,
}

/// An allocation with one task, `web`, and a sibling whose name has its own as the prefix.
fn stage() -> Stage {
    let base = tempfile::tempdir().unwrap();
    let dir = AllocDir::create(base.path(), "alloc-1", ["web"]).unwrap();
    let root = dir.root().to_owned();
    fs::create_dir(root.with_file_name("alloc-1-evil")).unwrap();
    fs::write(root.with_file_name("alloc-1-evil").join("loot"), "loot").unwrap();
    fs::write(root.join("web/local/hello.txt"), "hello world\n").unwrap();
    fs::write(root.join("web/local/data.json"), "{}").unwrap();
    fs::write(root.join("web/local/empty"), "").unwrap();
    fs::write(root.join("web/secrets/test_file"), "hush").unwrap();
    fs::write(root.join("web/private/key"), "hush").unwrap();
    let files = Files::new(root.clone(), vec!["web".to_owned()]);
    Stage { base, root, files }
}

impl Stage {
    fn link(&self, name: &str, target: impl AsRef<Path>) {
        symlink(target, self.root.join(name)).unwrap();
    }

    fn read(&self, path: &str) -> Result<String, FileError> {
        let mut text = String::new();
        self.files.open(path)?.file.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    fn refusal(&self, path: &str) -> String {
        self.read(path).unwrap_err().to_string()
    }
}

#[test]
fn paths_that_escape_by_their_text_are_refused_everywhere() {
    let stage = stage();
    for path in
        ["..", "../foo", "../", "web/../../x", "/../x", "..\\..", "..foo", "../alloc-1-evil/loot"]
    {
        assert_eq!(stage.files.list(path), Err(FileError::Escapes), "{path}");
        assert_eq!(stage.files.stat(path), Err(FileError::Escapes), "{path}");
        assert_eq!(stage.files.open(path).unwrap_err(), FileError::Escapes, "{path}");
    }
    for path in ["", "/", "./", "web/..", "../alloc-1", "web/local/../../"] {
        assert!(stage.files.stat(path).unwrap().is_dir, "{path}");
    }
}

#[test]
fn a_link_may_lead_around_inside_but_not_out() {
    let stage = stage();
    stage.link("web/local/near", "hello.txt");
    stage.link("web/local/up", "../../web/local/near");
    stage.link("web/local/absolute", stage.root.join("web/local/hello.txt"));
    for path in ["web/local/near", "web/local/up", "web/local/absolute"] {
        assert_eq!(stage.read(path).unwrap(), "hello world\n", "{path}");
        assert_eq!(stage.files.stat(path).unwrap().size, 12, "{path}");
    }
    stage.link("web/local/passwd", "/etc/passwd");
    stage.link("web/local/sibling", stage.root.with_file_name("alloc-1-evil").join("loot"));
    stage.link("web/local/dots", "../../../alloc-1-evil/loot");
    stage.link("web/local/etc", "/etc");
    for path in ["passwd", "sibling", "dots", "etc", "etc/passwd"] {
        let path = format!("web/local/{path}");
        assert_eq!(stage.files.stat(&path), Err(FileError::Escapes), "{path}");
        assert_eq!(stage.files.open(&path).unwrap_err(), FileError::Escapes, "{path}");
    }
    assert_eq!(stage.files.list("web/local/etc"), Err(FileError::Escapes));
}

#[test]
fn what_cannot_be_followed_says_so() {
    let stage = stage();
    stage.link("web/local/loop", "loop");
    let missing = format!("{}/web/local/nope: no such file or directory", stage.root.display());
    assert_eq!(
        stage.files.stat("web/local/nope").unwrap_err().to_string(),
        format!("stat {missing}")
    );
    assert_eq!(
        stage.files.list("/web/local/nope").unwrap_err().to_string(),
        format!("open {missing}")
    );
    let prefix = "Failed to check if path escapes alloc directory:";
    assert_eq!(
        stage.files.stat("web/local/hello.txt/x").unwrap_err().to_string(),
        format!("{prefix} not a directory")
    );
    assert_eq!(
        stage.files.stat("web/local/loop").unwrap_err().to_string(),
        format!("{prefix} too many levels of symbolic links")
    );
    let file = format!("readdirent {}/web/local/hello.txt: not a directory", stage.root.display());
    assert_eq!(stage.files.list("web/local/hello.txt").unwrap_err().to_string(), file);
}

#[test]
fn secrets_can_be_seen_but_not_read() {
    let stage = stage();
    assert_eq!(
        stage.refusal("web/secrets/test_file"),
        "Reading secret file prohibited: web/secrets/test_file"
    );
    assert_eq!(stage.refusal("/WEB/Secrets/x"), "Reading secret file prohibited: /WEB/Secrets/x");
    assert_eq!(
        stage.refusal("web/local/../secrets/a"),
        "Reading secret file prohibited: web/local/../secrets/a"
    );
    assert_eq!(
        stage.refusal("web/private/key"),
        "Reading private file prohibited: web/private/key"
    );
    assert_eq!(stage.files.list("web/secrets").unwrap().len(), 1);
    assert_eq!(stage.files.stat("web/secrets/test_file").unwrap().size, 4);
}

#[test]
fn a_link_into_secrets_opens_nothing() {
    let stage = stage();
    stage.link("web/local/innocent", "../secrets/test_file");
    stage.link("alloc/data/dir", "../../web/secrets");
    assert_eq!(
        stage.refusal("web/local/innocent"),
        "Reading secret file prohibited: web/local/innocent"
    );
    assert_eq!(
        stage.refusal("alloc/data/dir/test_file"),
        "Reading secret file prohibited: alloc/data/dir/test_file"
    );
}

#[test]
fn only_regular_files_have_content() {
    let stage = stage();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        stage.root.join("web/local/fifo"),
        FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(stage.refusal("web/local/fifo"), r#"file "web/local/fifo" is not a regular file"#);
    assert_eq!(stage.refusal("web"), r#"file "web" is a directory"#);
    assert_eq!(
        stage.files.check_file("web").unwrap_err().to_string(),
        r#"file "web" is a directory"#
    );
    assert_eq!(stage.files.stat("web/local/fifo").unwrap().mode.get(..1), Some("p"));
}

#[test]
fn a_listing_shows_links_as_links_and_sorts() {
    let stage = stage();
    stage.link("web/local/a-link", "/etc/passwd");
    let list = stage.files.list("web/local").unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|entry| (entry.name.as_str(), entry.mode.as_str(), entry.content_type))
        .collect();
    let mode = list[1].mode.as_str();
    let expected = [
        ("a-link", "Lrwxrwxrwx", ""),
        ("data.json", mode, ""),
        ("empty", mode, ""),
        ("hello.txt", mode, ""),
    ];
    assert_eq!(seen, expected);
    assert_eq!(list[0].size, 11);
    assert!(stage.files.list("web/tmp").unwrap().is_empty());
}

#[test]
fn stat_knows_types_and_the_name_of_the_root() {
    let stage = stage();
    let types = ["web", "web/local/empty", "web/local/data.json", "web/local/hello.txt"]
        .map(|path| stage.files.stat(path).unwrap().content_type);
    let unknown = "application/octet-stream";
    assert_eq!(types, [unknown, unknown, "application/json", "text/plain; charset=utf-8"]);
    assert_eq!(stage.files.stat("/").unwrap().name, "alloc-1");
    let written = fs::metadata(stage.root.join("web/local/hello.txt")).unwrap().modified().unwrap();
    assert_eq!(
        stage.files.stat("web/local/hello.txt").unwrap().modified,
        written.try_into().unwrap()
    );
}

#[test]
fn a_link_swapped_in_while_others_read_leads_nowhere() {
    let stage = stage();
    let target = stage.root.join("web/local/swapped");
    let outside = stage.base.path().join("outside");
    fs::write(&outside, "OUTSIDE").unwrap();
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let (link, file) = (stage.root.join("web/tmp/link"), stage.root.join("web/tmp/file"));
            for _ in 0..2000 {
                fs::write(&file, "inside").unwrap();
                fs::rename(&file, &target).unwrap();
                symlink(&outside, &link).unwrap();
                fs::rename(&link, &target).unwrap();
            }
        });
        let mut read = 0;
        while !swapper.is_finished() {
            if let Ok(text) = stage.read("web/local/swapped") {
                assert_eq!(text, "inside");
                read += 1;
            }
        }
        assert!(read > 0, "the file was there for half of the time");
    });
}
