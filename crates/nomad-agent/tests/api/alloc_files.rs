//! `ls`, `stat`, `cat` and `readat`.

use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

use nomad_agent::Role;

use crate::{
    fixture::{ALLOC, AllocFixture, UNKNOWN, run_web_to_end},
    support::{get, get_as, start_alone},
};

const HTML: &str = "<script>alert(document.domain);</script>";

async fn with_files() -> AllocFixture {
    let stage = run_web_to_end("printf 'Hello from the other side'").await;
    stage.write("web/local/page.html", HTML);
    stage.write("web/local/empty", "");
    stage.write("web/local/data.json", "{}");
    stage.write("web/secrets/token", "hush");
    symlink("/etc/passwd", stage.path("web/local/evil")).unwrap();
    stage
}

#[tokio::test]
async fn parameters_are_refused_before_anything_is_looked_up() {
    let agent = start_alone(Role::Client).await;
    let cases = [
        ("ls/", 400, "must provide a valid alloc id"),
        ("stat/", 400, "must provide a valid alloc id"),
        ("stat/foo", 400, "must provide a file name"),
        ("cat/", 400, "must provide a valid alloc id"),
        ("cat/foo", 400, "must provide a file name"),
        ("readat/", 400, "must provide a valid alloc id"),
        ("readat/foo", 400, "must provide a file name"),
        (
            "readat/foo?path=/path/to/file",
            500,
            r#"error parsing offset: strconv.ParseInt: parsing "": invalid syntax"#,
        ),
        ("stream/", 400, "must provide a valid alloc id"),
        ("stream/foo", 400, "must provide a file name"),
        (
            "stream/foo?path=/path/to/file",
            500,
            "alloc lookup failed: index error: UUID must be 36 characters",
        ),
        ("logs/", 400, "must provide a valid alloc id"),
        ("logs/foo", 400, "must provide task name"),
        ("logs/foo?task=foo", 400, "must provide log type (stdout/stderr)"),
        (
            "logs/foo?task=foo&type=stdout",
            500,
            "alloc lookup failed: index error: UUID must be 36 characters",
        ),
        ("ls/foo?wait=bad", 400, "Invalid wait time"),
    ];
    for (path, status, text) in cases {
        let answer = get(&agent, &format!("/v1/client/fs/{path}")).await;
        assert_eq!(answer.refusal(), (status, text), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_allocation_is_told_before_rights_are() {
    let stage = with_files().await;
    let calls =
        ["fs/ls/{}", "fs/stat/{}?path=x", "fs/cat/{}?path=x", "fs/readat/{}?path=x&offset=0"]
            .iter()
            .chain(&["fs/stream/{}?path=x", "fs/logs/{}?task=web&type=stdout"])
            .chain(&["allocation/{}/stats"]);
    for call in calls {
        let path = |id: &str| format!("/v1/client/{}", call.replace("{}", id));
        let unknown = format!("Unknown allocation \"{UNKNOWN}\"");
        for token in ["", "management"] {
            let answer = get_as(&stage.agent, token, &path(UNKNOWN)).await;
            assert_eq!(answer.refusal(), (404, unknown.as_str()), "{call} as {token:?}");
        }
        let upper = get(&stage.agent, &path(&ALLOC.to_uppercase())).await;
        let text = format!("Unknown allocation \"{}\"", ALLOC.to_uppercase());
        assert_eq!(upper.refusal(), (404, text.as_str()), "{call}");
        let denied = get_as(&stage.agent, "", &path(ALLOC)).await;
        assert_eq!(denied.refusal(), (403, "Permission denied"), "{call}");
    }
}

#[tokio::test]
async fn a_listing_names_what_is_there() {
    let stage = with_files().await;
    let list = stage.get("ls", "").await.json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|entry| &entry["Name"]).collect();
    assert_eq!(names, ["alloc", "ghost", "web"]);
    assert_eq!((&list[0]["IsDir"], &list[0]["FileMode"]), (&true.into(), &"drwxrwxrwx".into()));
    let local = stage.get("ls", "path=/web/local/").await;
    assert!(local.text.contains(r#""FileMode":"Lrwxrwxrwx""#), "{}", local.text);
    let keys = r#"[{"Name":"data.json","IsDir":false,"Size":2,"FileMode":"-rw-"#;
    assert!(local.text.starts_with(keys), "{}", local.text);
    assert!(local.text.contains(r#""ContentType":"""#));
    assert_eq!(stage.get("ls", "path=web/tmp").await.text, "[]");
    assert_eq!(stage.get("ls", "path=web/secrets").await.json()[0]["Name"], "token");
}

#[tokio::test]
async fn stat_tells_about_one_file() {
    let stage = with_files().await;
    assert_eq!(stage.get("stat", "path=alloc/").await.json()["IsDir"], true);
    let page = stage.get("stat", "path=web/local/page.html").await.json();
    assert_eq!(
        (&page["Size"], &page["ContentType"]),
        (&40.into(), &"text/html; charset=utf-8".into())
    );
    assert!(page["ModTime"].as_str().unwrap().contains('T'));
    assert_eq!(stage.get("stat", "path=/").await.json()["Name"], ALLOC);
}

#[tokio::test]
async fn what_is_not_to_be_had_says_why() {
    let stage = with_files().await;
    let root = stage.path("").display().to_string();
    let missing = format!("stat {root}web/nope: no such file or directory");
    let unlisted = format!("open {root}web/nope: no such file or directory");
    let secret = "Reading secret file prohibited: web/secrets/token";
    let escapes = "Path escapes the alloc directory";
    let cases = [
        ("ls", "path=web/nope", 404, unlisted.as_str()),
        ("stat", "path=web/nope", 404, &missing),
        ("cat", "path=web/nope", 400, &missing),
        ("readat", "offset=0&path=web/nope", 400, &missing),
        ("stream", "path=web/nope", 400, &missing),
        ("ls", "path=..", 500, escapes),
        ("stat", "path=../foo", 500, escapes),
        ("stat", "path=web/local/evil", 500, escapes),
        ("cat", "path=web/local/evil", 400, escapes),
        ("readat", "offset=0&path=../foo", 400, escapes),
        ("stream", "path=web/local/evil", 400, escapes),
        ("cat", "path=web", 400, r#"file "web" is a directory"#),
        ("stream", "path=web/local/..", 400, r#"file "web/local/.." is a directory"#),
        ("cat", "path=web/secrets/token", 500, secret),
        ("readat", "offset=0&path=web/secrets/token", 500, secret),
        ("stream", "path=web/secrets/token", 500, secret),
    ];
    for (call, query, status, text) in cases {
        assert_eq!(stage.get(call, query).await.refusal(), (status, text), "{call} {query}");
    }
    let seek = stage.get("readat", "offset=-5&path=web/local/page.html").await;
    let text = format!("can't seek to offset -5: seek {root}web/local/page.html: invalid argument");
    assert_eq!(seek.refusal(), (500, text.as_str()));
}

#[tokio::test]
async fn contents_come_whole_or_in_part() {
    let stage = with_files().await;
    let log = "path=alloc/logs/web.stdout.0";
    assert_eq!(stage.get("cat", log).await.text, "Hello from the other side");
    assert_eq!(stage.get("readat", &format!("{log}&offset=1&limit=3")).await.text, "ell");
    assert_eq!(stage.get("readat", &format!("{log}&offset=21&limit=-1")).await.text, "side");
    assert_eq!(stage.get("readat", &format!("{log}&offset=1000")).await.text, "");
}

#[tokio::test]
async fn a_page_is_shown_as_text_and_guarded() {
    let stage = with_files().await;
    for (call, query) in [("cat", ""), ("readat", "&offset=0")] {
        let answer = stage.get(call, &format!("path=web/local/page.html{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, HTML));
        let headers = ["content-type", "x-content-type-options", "x-xss-protection"]
            .map(|name| answer.headers[name].to_str().unwrap());
        assert_eq!(headers, ["text/plain", "nosniff", "1; mode=block"]);
        let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        assert_eq!(answer.headers["content-security-policy"], policy);
    }
    let empty = stage.get("cat", "path=web/local/empty").await;
    assert_eq!(empty.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!((empty.headers.get("x-xss-protection"), empty.text.as_str()), (None, ""));
}

#[tokio::test]
async fn large_contents_are_streamed_and_exact() {
    let stage = with_files().await;
    let content: String = (0..60_000).map(|line| format!("line {line}\n")).collect();
    stage.write("web/local/large", &content);
    let sizes = [2047, 2048, 2049, 65_536, 67_584, 67_585];
    for limit in sizes {
        let query = format!("path=web/local/large&offset=7&limit={limit}");
        assert_eq!(stage.get("readat", &query).await.text, content[7..7 + limit], "{limit}");
    }
    assert!(stage.get("cat", "path=web/local/large").await.text == content);
}

#[tokio::test]
async fn stat_tells_what_a_file_is() {
    let stage = with_files().await;
    let cases: [(&str, &[u8], &str); 7] = [
        ("image.gif", b"GIF89a....", "image/gif"),
        ("image.png", b"\x89PNG\r\n\x1a\n....", "image/png"),
        ("image.jpg", b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("binary", b"\x00\x01\x02", "application/octet-stream"),
        ("text.json", b"{}", "application/json"),
        ("text.txt", b"hello", "text/plain; charset=utf-8"),
        ("image.txt", b"GIF89a....", "image/gif"),
    ];
    for (name, content, kind) in cases {
        let path = format!("web/local/{name}");
        stage.write(&path, content);
        let answer = stage.get("stat", &format!("path={path}")).await.json();
        assert_eq!(answer["ContentType"], kind, "{name}");
    }
}

#[tokio::test]
async fn a_file_whose_name_is_no_text_is_served_by_its_bytes() {
    let stage = with_files().await;
    let name = std::ffi::OsStr::from_bytes(b"alloc/data/caf\xe9.txt");
    std::fs::write(stage.path("").join(name), "coffee").unwrap();
    let named = "path=alloc/data/caf%E9.txt";
    for (call, query, text) in
        [("cat", named.to_owned(), "coffee"), ("readat", format!("{named}&offset=3"), "fee")]
    {
        let answer = stage.get(call, &query).await;
        assert_eq!((answer.status.as_u16(), &*answer.text), (200, text), "{call}");
    }
    let streamed = stage.get("stream", &format!("{named}&follow=false")).await;
    assert!(streamed.text.contains("Y29mZmVl"), "{}", streamed.text);
    // As in Go's JSON, a name is text there, whatever its bytes are.
    let shown = "caf\u{fffd}.txt";
    assert_eq!(stage.get("stat", named).await.json()["Name"], shown);
    assert_eq!(stage.get("ls", "path=alloc/data").await.json()[0]["Name"], shown);
    let gone = stage.get("stat", "path=alloc/data/caf%EF%BF%BD.txt").await;
    assert_eq!(gone.status.as_u16(), 404);
}
