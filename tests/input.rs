//! Bad input: each gets Nomad's status and text (or the fixed one), at once, and the gateway continues.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

use crate::support::{TestCluster, TestResponse, get, send};

const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn check(answer: &TestResponse, status: u16, text: &str, context: &str) {
    assert_eq!((answer.status.as_u16(), &*answer.text()), (status, text), "{context}");
    let expected = if text.is_empty() { None } else { Some("text/plain; charset=utf-8") };
    assert_eq!(answer.header("content-type"), expected, "{context}");
    assert!(answer.header("x-request-id").is_some(), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_name_nobody() {
    let world = TestCluster::start().await;
    let long = "node lookup failed: index error: UUID must be 36 characters";
    for (path, status, text) in [
        (format!("/v1/agent/host?node_id={UNKNOWN}"), 404, format!("Unknown node \"{UNKNOWN}\"")),
        (
            format!("/v1/agent/monitor?node_id={UNKNOWN}"),
            404,
            format!("Unknown node \"{UNKNOWN}\""),
        ),
        (format!("/v1/agent/self?node_id={UNKNOWN}"), 404, format!("Unknown node \"{UNKNOWN}\"")),
        (format!("/v1/client/stats?node_id={UNKNOWN}"), 404, format!("Unknown node {UNKNOWN}")),
        (format!("/v1/client/gc?node_id={UNKNOWN}"), 500, format!("Unknown node {UNKNOWN}")),
        ("/v1/agent/host?node_id=zz".into(), 500, long.into()),
        ("/v1/client/stats?node_id=nobody".into(), 500, long.into()),
        (
            "/v1/agent/host?node_id=g1234567-89ab-cdef-0123-456789abcdef".into(),
            500,
            "node lookup failed: index error: Invalid UUID: encoding/hex: invalid byte: U+0067 'g'"
                .into(),
        ),
        (
            "/v1/agent/host?node_id=a&server_id=b".into(),
            400,
            "Can only forward to either client node or server".into(),
        ),
        (
            "/v1/agent/monitor?node_id=a&server_id=b".into(),
            400,
            "Cannot target node and server simultaneously".into(),
        ),
        ("/v1/agent/host?server_id=nope".into(), 500, "unknown Nomad server nope".into()),
        ("/v1/agent/monitor?server_id=nope".into(), 400, "unknown Nomad server nope".into()),
        ("/v1/agent/self?server_id=nope".into(), 400, "unknown Nomad server nope".into()),
        ("/v1/agent/host?server_id=leader&region=mars".into(), 500, "No path to region".into()),
        (
            "/v1/agent/self?node_id=a&node_id=b".into(),
            400,
            "query parameter \"node_id\" must not be repeated".into(),
        ),
    ] {
        check(&get(world.gateway, &path).await, status, &text, &path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allocations_that_nobody_has() {
    let world = TestCluster::start().await;
    let unknown = format!("Unknown allocation \"{UNKNOWN}\"");
    let short = "alloc lookup failed: index error: UUID must be 36 characters";
    let id = world.allocation();
    for (path, status, text) in [
        (format!("/v1/client/fs/ls/{UNKNOWN}"), 404, &*unknown),
        (format!("/v1/client/fs/cat/{UNKNOWN}?path=x"), 404, &unknown),
        (format!("/v1/client/fs/logs/{UNKNOWN}?task=x&type=stdout"), 404, &unknown),
        (format!("/v1/client/allocation/{UNKNOWN}/stats"), 404, &unknown),
        ("/v1/client/fs/ls/short".into(), 500, short),
        (format!("/v1/client/fs/ls/{id}/extra"), 500, short),
        ("/v1/client/fs/logs/foo?task=foo&type=stdout".into(), 500, short),
        ("/v1/client/fs/ls/".into(), 400, "must provide a valid alloc id"),
        ("/v1/client/fs/stat/foo".into(), 400, "must provide a file name"),
        ("/v1/client/fs/logs/foo".into(), 400, "must provide task name"),
        ("/v1/client/fs/logs/foo?task=foo".into(), 400, "must provide log type (stdout/stderr)"),
    ] {
        check(&get(world.gateway, &path).await, status, text, &path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be_read() {
    let world = TestCluster::start().await;
    let id = world.allocation();
    let logs = format!("/v1/client/fs/logs/{id}?task=clock&type=stdout");
    for (path, status, text) in [
        (
            format!("{logs}&follow=maybe"),
            400,
            r#"failed to parse follow field to boolean: strconv.ParseBool: parsing "maybe": invalid syntax"#,
        ),
        (
            format!("{logs}&offset=x"),
            400,
            r#"error parsing offset: strconv.ParseInt: parsing "x": invalid syntax"#,
        ),
        (format!("{logs}&origin=middle"), 400, "origin must be start or end"),
        (
            format!("/v1/client/fs/readat/{id}?path=a"),
            500,
            r#"error parsing offset: strconv.ParseInt: parsing "": invalid syntax"#,
        ),
        (
            format!("/v1/client/fs/stream/{id}?path=a&follow=maybe"),
            500,
            r#"failed to parse follow field to boolean: strconv.ParseBool: parsing "maybe": invalid syntax"#,
        ),
        ("/v1/agent/monitor?log_level=loud".into(), 400, "Unknown log level: loud"),
        (
            "/v1/agent/monitor?plain=x".into(),
            400,
            r#"Unknown option for plain: strconv.ParseBool: parsing "x": invalid syntax"#,
        ),
        (
            "/v1/agent/members?stale=random".into(),
            400,
            "Expect `true` or `false` for `stale` query string parameter",
        ),
        ("/v1/agent/health?wait=60foo".into(), 400, "Invalid wait time"),
        ("/v1/agent/health?index=foo".into(), 400, "Invalid index"),
    ] {
        check(&get(world.gateway, &path).await, status, text, &path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_lead_out_of_the_allocation() {
    let world = TestCluster::start().await;
    let id = world.allocation();
    for path in ["../..", "/../../etc/passwd", "alloc/../../..", "%2e%2e/%2e%2e"] {
        for (call, status) in [("ls", 500), ("stat", 500), ("cat", 400), ("stream", 400)] {
            let uri = format!("/v1/client/fs/{call}/{id}?path={path}&follow=false");
            check(
                &get(world.gateway, &uri).await,
                status,
                "Path escapes the alloc directory",
                &uri,
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_paths_that_do_not_exist() {
    let world = TestCluster::start().await;
    let ask = |method: &str, path: &str| {
        let method: Method = method.parse().unwrap();
        let request =
            Request::builder().method(method).uri(path).body(Full::<Bytes>::default()).unwrap();
        send(world.gateway, request)
    };
    for (method, path) in [
        ("PUT", "/v1/agent/members"),
        ("DELETE", "/v1/agent/self"),
        ("OPTIONS", "/v1/agent/health"),
        ("GET", "/v1/agent/join"),
        ("FOO", "/v1/agent/schedulers"),
        ("PATCH", "/v1/client/metadata"),
    ] {
        check(&ask(method, path).await, 405, "Invalid method", path);
    }
    let head = ask("HEAD", "/v1/agent/self").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (405, 0));
    for path in
        ["/v1/agent", "/v1/agent/", "/v1/agent/foo", "/v1/agent/self/", "/v1/client/stats/", "/v1"]
    {
        check(&ask("GET", path).await, 404, "", path);
    }
    check(&ask("GET", "/v1/client/fs/foo/x").await, 404, "Invalid method", "unknown file call");
    check(
        &ask("GET", "/v1/client/allocation/x/y").await,
        404,
        "resource not found",
        "unknown allocation call",
    );
    let dirty = ask("GET", "/v1//agent/members?pretty").await;
    assert_eq!(
        (dirty.status.as_u16(), dirty.header("location")),
        (307, Some("/v1/agent/members?pretty"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_yet_says_so() {
    let world = TestCluster::start().await;
    let node = world.node("client1");
    for (method, path) in
        [("GET", format!("/v1/agent/pprof/heap?node_id={node}")), ("GET", "/v1/jobs".to_owned())]
    {
        let request =
            Request::builder().method(method).uri(&path).body(Full::<Bytes>::default()).unwrap();
        let answer = send(world.gateway, request).await;
        assert_eq!(answer.status, 501, "{path}: {}", answer.text());
        assert!(answer.text().contains(' '), "{path}: a sentence, not {:?}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_token_is_refused() {
    let world = TestCluster::start().await;
    let request = Request::get("/v1/agent/self")
        .header("x-nomad-token", "one")
        .header("x-nomad-token", "two")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = send(world.gateway, request).await;
    check(&answer, 400, "header x-nomad-token must not be repeated", "two tokens");
}
