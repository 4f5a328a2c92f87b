//! `nomad-gateway acl`: explained from files and from a server, linted as strictly as one.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};

const POLICY: &str =
    "namespace \"web-*\" {\n  policy = \"read\"\n}\n\nnode {\n  policy = \"read\"\n}\n";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
const TOKEN: &str = "421f9eef-1073-493a-4f67-bdd5386a92ac";

/// A policy in a file of its own, and the folder that keeps it.
fn write_policy(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ops.hcl");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn acl(args: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    command.arg("acl").args(args);
    for name in ["NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_NAMESPACE"] {
        command.env_remove(name);
    }
    command.envs(token.map(|token| ("NOMAD_TOKEN", token))).output().unwrap()
}

fn code_and_output(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stdout.clone()).unwrap())
}

#[test]
fn a_file_explains_with_its_place_and_what_to_add() {
    let (_folder, file) = write_policy(POLICY);
    let file = file.to_str().unwrap();
    let explain = |rest: &[&str]| {
        code_and_output(&acl(&[&["explain", "--policy", file], rest].concat(), None))
    };

    let (code, text) = explain(&["GET", "/v1/client/stats?node_id=x"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("node in policy \"ops\" ({file}:5:1)")), "{text}");

    let (code, text) = explain(&["GET", "/v1/agent/self"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("missing agent:read") && text.contains("agent {\n    policy = \"read\""),
        "{text}"
    );

    let path = format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout");
    let (code, text) = explain(&["--namespace", "web-eu", "GET", &path]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("({file}:1:1)")), "{text}");

    let (code, text) = explain(&["--namespace", "web-eu", "--capability", "read-job", "--json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &found["outcome"], &found["rule"]["line"]),
        (0, &json!("allowed"), &json!(1)),
        "{text}"
    );

    let (code, text) = explain(&["GET", "/v1/nobody/knows"]);
    assert_eq!(code, 3, "{text}");
}

#[test]
fn faults_are_reported_and_are_no_decision() {
    let (_folder, file) = write_policy("namespace \"x\" {\n  policy = \n}");
    let file = file.to_str().unwrap();
    for (args, told) in [
        (vec!["explain", "--policy", file, "GET", "/v1/jobs"], format!("{file}:")),
        (
            vec!["explain", "--policy", "nowhere.hcl", "GET", "/v1/jobs"],
            "cannot read nowhere.hcl".into(),
        ),
        (vec!["explain", "--address", "nonsense", "GET", "/v1/jobs"], "http://HOST:PORT".into()),
        (vec!["explain", "GET", "/v1/jobs"], "--policy".into()),
        (vec!["explain", "--policy", file, "--capability", "fly"], "fly".into()),
    ] {
        let output = acl(&args, None);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(&told), "{args:?}: {text}");
    }
}

#[test]
fn lint_finds_errors_and_warnings() {
    let (_folder, file) = write_policy("nodes {}\nnamespace \"x\" {\n  polcy = \"read\"\n}\n");
    let file = file.to_str().unwrap();
    let (code, text) = code_and_output(&acl(&["lint", file], None));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("{file}:1:1: error: ")), "{text}");
    assert!(text.contains(&format!("{file}:3:3: warning: unknown key \"polcy\"")), "{text}");
    let (_folder, file) = write_policy(POLICY);
    let (code, text) = code_and_output(&acl(&["lint", "--json", file.to_str().unwrap()], None));
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &found[0]["error"], &found[0]["warnings"]), (0, &Value::Null, &json!([])));
}

/// A server that answers these paths to whoever brings the token, and says what ACLs off look like when told so.
fn server(documents: Vec<(String, Value)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(respond(stream, &documents));
        }
    });
    address
}

fn respond(mut stream: TcpStream, documents: &[(String, Value)]) -> std::io::Result<()> {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        lines.read_line(&mut head)?;
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let has_token = head.to_ascii_lowercase().contains(&format!("x-nomad-token: {TOKEN}"));
    let found = documents.iter().find(|(known, _)| known == path).map(|(_, document)| document);
    let (status, body) = match found {
        Some(Value::String(text)) => ("400 Bad Request", text.clone()),
        Some(document) if has_token => ("200 OK", document.to_string()),
        Some(_) => ("403 Forbidden", "Permission denied".to_owned()),
        None => ("404 Not Found", "not found".to_owned()),
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_server_is_asked_with_the_clients_own_token() {
    let address = server(vec![
        ("/v1/acl/policies".into(), json!([])),
        (
            "/v1/acl/token/self".into(),
            json!({ "Type": "client", "Policies": ["gone"], "Roles": [{ "ID": "r1", "Name": "readers" }] }),
        ),
        ("/v1/acl/role/r1".into(), json!({ "Policies": [{ "Name": "web" }] })),
        ("/v1/acl/policy/web".into(), json!({ "Name": "web", "Rules": POLICY })),
        (format!("/v1/allocation/{ALLOC}"), json!({ "Namespace": "web-eu" })),
    ]);
    let stats = format!("/v1/client/allocation/{ALLOC}/stats");
    let (code, text) =
        code_and_output(&acl(&["explain", "--address", &address, "GET", &stats], Some(TOKEN)));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("on namespace \"web-eu\"") && text.contains("policy \"web\""), "{text}");

    let output = acl(&["explain", "--address", &address, "GET", "/v1/agent/self"], Some("another"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("403") && !told.contains("another"), "{told}");
}

#[test]
fn management_tokens_and_switched_off_acls_are_recognised() {
    let off = server(vec![("/v1/acl/policies".into(), json!("ACL support disabled"))]);
    let (code, text) =
        code_and_output(&acl(&["explain", "--address", &off, "GET", "/v1/agent/self"], None));
    assert_eq!((code, &*text), (0, "allowed: ACLs are switched off\n"));
    let root = server(vec![
        ("/v1/acl/policies".into(), json!([])),
        ("/v1/acl/token/self".into(), json!({ "Type": "management", "Policies": null })),
    ]);
    let (code, text) = code_and_output(&acl(
        &["explain", "--address", &root, "PUT", "/v1/agent/reload"],
        Some(TOKEN),
    ));
    assert_eq!((code, &*text), (0, "allowed: a management token may do everything\n"));
}
