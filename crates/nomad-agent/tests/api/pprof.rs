//! `/v1/agent/pprof/*`

use std::{
    io::Read as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use nomad_agent::{Agent, AgentConfig, MemberStatus, Role, Roster};

use crate::support::{TestResponse, get, get_as, start, start_alone, start_cluster};

async fn open_agent(name: &str, role: Role, roster: &Arc<Roster>) -> Agent {
    start(AgentConfig { enable_debug: true, ..AgentConfig::new(name, role) }, roster).await
}

async fn open_alone(role: Role) -> Agent {
    open_agent("agent1", role, &Arc::new(Roster::new())).await
}

fn decompress(body: &Bytes) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(&body[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The headers that Nomad sets: content type, file name, and `nosniff`.
fn check_headers(answer: &TestResponse, kind: &str, file: Option<&str>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["content-type"], kind);
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let disposition = answer.headers.get("content-disposition");
    let expected = file.map(|file| format!("attachment; filename=\"{file}\""));
    assert_eq!(disposition.map(|value| value.to_str().unwrap()), expected.as_deref());
}

#[tokio::test]
async fn debug_and_acls_decide_together() {
    let closed = start_alone(Role::Both).await;
    let open = open_alone(Role::Both).await;
    let path = "/v1/agent/pprof/cmdline";
    assert_eq!(get(&closed, path).await.refusal(), (403, "Permission denied"));
    assert_eq!(get(&open, path).await.status, 200);
    for agent in [&closed, &open] {
        for token in ["agent-write", "management"] {
            assert_eq!(get_as(agent, token, path).await.status, 200, "{token}");
        }
        for token in ["", "agent-read", "node-write", "unknown"] {
            let answer = get_as(agent, token, path).await;
            assert_eq!(answer.refusal(), (403, "Permission denied"), "{token}");
        }
    }
}

#[tokio::test]
async fn the_command_line_is_that_of_this_process() {
    let agent = open_alone(Role::Both).await;
    let node_id = agent.node_id().unwrap();
    let server_id = agent.server_id().unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    for query in [
        String::new(),
        format!("?node_id={node_id}"),
        format!("?server_id={server_id}"),
        "?server_id=leader".to_owned(),
        // As Go's client sends it.
        "?seconds=0&debug=0&gc=0&node_id=&server_id=".to_owned(),
    ] {
        let answer = get(&agent, &format!("/v1/agent/pprof/cmdline{query}")).await;
        check_headers(&answer, "text/plain; charset=utf-8", None);
        assert_eq!(answer.text, arguments.join("\0"), "{query}");
    }
    // An agent without a server serves a request without a target itself.
    let client = open_alone(Role::Client).await;
    check_headers(
        &get(&client, "/v1/agent/pprof/cmdline").await,
        "text/plain; charset=utf-8",
        None,
    );
}

/// A function whose name a profile must contain.
#[inline(never)]
fn burn_the_processor(until: &AtomicBool) -> u64 {
    let mut sum = 0_u64;
    while !until.load(Ordering::Relaxed) {
        for step in 0..10_000_u64 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(step));
        }
    }
    sum
}

#[tokio::test]
async fn the_processor_is_profiled_for_one_caller_at_a_time() {
    let agent = open_alone(Role::Both).await;
    let until = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&until);
    let burner = std::thread::Builder::new().name("burner".to_owned());
    let burner = burner.spawn(move || burn_the_processor(&stop)).unwrap();
    let node_id = agent.node_id().unwrap();
    let path = format!("/v1/agent/pprof/profile?node_id={node_id}&seconds=0");
    // The profiler belongs to the process, so a second profile is refused.
    let (one, two) = tokio::join!(get(&agent, &path), get(&agent, &path));
    let (profile, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    until.store(true, Ordering::Relaxed);
    burner.join().unwrap();

    assert_eq!(refused.refusal(), (500, "cpu profiling already in use"));
    check_headers(&profile, "application/octet-stream", Some("profile"));
    let bytes = decompress(&profile.body);
    for text in ["samples", "count", "cpu", "nanoseconds", "thread", "burner"] {
        assert!(contains(&bytes, text), "{text}");
    }
    assert!(contains(&bytes, "burn_the_processor"), "frame pointers lead to the function");
    if let Some(top) = go_tool_pprof(&profile.body) {
        assert!(top.contains("burn_the_processor") && top.contains("Duration: 1s"), "{top}");
    }
    // It is free again afterwards, and also when a client disconnects.
    let left = get(&agent, "/v1/agent/pprof/profile?seconds=60");
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), left).await.is_err());
}

/// Output of Go's own viewer for a profile; `None` without Go.
fn go_tool_pprof(profile: &Bytes) -> Option<String> {
    let go = ["go", "/usr/local/go/bin/go"].into_iter().find(|go| {
        let mut version = Command::new(go);
        version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })?;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("profile");
    std::fs::write(&file, profile).unwrap();
    let output = Command::new(go).args(["tool", "pprof", "-top"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn threads_and_tasks_are_counted() {
    let agent = open_alone(Role::Client).await;
    let node_id = agent.node_id().unwrap();
    let named = format!("?node_id={node_id}");
    for (name, texts) in [
        ("goroutine", ["goroutine", "tokio tasks"].as_slice()),
        ("threadcreate", &["threadcreate"]),
    ] {
        let answer = get(&agent, &format!("/v1/agent/pprof/{name}{named}")).await;
        check_headers(&answer, "application/octet-stream", Some(name));
        for text in texts {
            assert!(contains(&decompress(&answer.body), text), "{name}: {text}");
        }
        if let Some(top) = go_tool_pprof(&answer.body) {
            assert!(top.contains(&format!("Type: {name}")), "{top}");
        }
        let answer = get(&agent, &format!("/v1/agent/pprof/{name}{named}&debug=1")).await;
        check_headers(&answer, "text/plain; charset=utf-8", None);
        assert!(answer.text.starts_with(&format!("{name} profile: total ")), "{}", answer.text);
        assert!(answer.text.contains("\trunning\n"), "{}", answer.text);
    }
    // The query parameter takes precedence over the path.
    let answer = get(&agent, "/v1/agent/pprof/unknown?profile=goroutine&debug=1").await;
    assert!(answer.text.starts_with("goroutine profile"), "{answer:?}");
}

#[tokio::test]
async fn what_only_go_has_is_refused_with_a_reason() {
    let agent = open_alone(Role::Both).await;
    for name in ["heap", "allocs", "block", "mutex", "trace"] {
        let answer = get(&agent, &format!("/v1/agent/pprof/{name}?debug=1")).await;
        let (status, text) = answer.refusal();
        assert_eq!(status, 501, "{name}");
        assert!(text.starts_with("this agent has no ") && text.contains(": "), "{text}");
        assert!(!answer.headers.contains_key("content-disposition"));
    }
}

#[tokio::test]
async fn the_pages_of_gos_runtime_are_not_there() {
    let agent = open_alone(Role::Both).await;
    for path in ["/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"] {
        assert_eq!(get(&agent, path).await.refusal(), (404, ""), "{path}");
    }
}

#[tokio::test]
async fn names_and_targets_are_refused_in_nomads_words() {
    let roster = Arc::new(Roster::new());
    let server = open_agent("server1", Role::Server, &roster).await;
    let client = open_agent("client1", Role::Client, &roster).await;
    let own = client.node_id().unwrap();
    let other = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    for (agent, path, refusal) in [
        (&server, "", (404, "Invalid method")),
        (&server, "symbol", (404, "Pprof profile not found profile: symbol")),
        (
            &server,
            "unknown?server_id=server1.global",
            (404, "Pprof profile not found profile: unknown"),
        ),
        (
            &client,
            &*format!("latency?node_id={own}"),
            (404, "Pprof profile not found profile: latency"),
        ),
        (
            &server,
            "cmdline?node_id=a&server_id=b",
            (400, "Cannot target node and server simultaneously"),
        ),
        (&server, "cmdline?server_id=x", (500, "unknown Nomad server x")),
        (&server, "cmdline?server_id=x&region=mars", (500, "No path to region")),
        // The lookup is in the named region, also for the leader.
        (&server, "cmdline?region=mars", (500, "No path to region")),
        (&server, "cmdline?server_id=leader&region=mars", (500, "No path to region")),
        (&server, &*format!("cmdline?node_id={other}&region=mars"), (500, "No path to region")),
        (&client, "cmdline?server_id=leader&region=mars", (500, "rpc error: No path to region")),
        (
            &server,
            "cmdline?node_id=9bb1",
            (500, "node lookup failed: index error: UUID must be 36 characters"),
        ),
        (
            &server,
            &*format!("cmdline?node_id={other}"),
            (404, &*format!("Unknown node \"{other}\"")),
        ),
        (
            &client,
            "cmdline?server_id=server1.global",
            (501, "this agent does not relay requests to other agents"),
        ),
    ] {
        let answer = get(agent, &format!("/v1/agent/pprof/{path}")).await;
        assert_eq!(answer.refusal(), refusal, "{path}");
    }
    roster.set_status("server1.global", MemberStatus::Failed);
    let answer = get(&server, "/v1/agent/pprof/cmdline?server_id=leader").await;
    assert_eq!(answer.refusal(), (500, "No cluster leader"));
    // Two targets and the bare root are reported before authorization.
    let [guarded, ..] = start_cluster().await;
    let answer = get_as(&guarded, "", "/v1/agent/pprof/cmdline?node_id=a&server_id=b").await;
    assert_eq!(answer.refusal(), (400, "Cannot target node and server simultaneously"));
    assert_eq!(get_as(&guarded, "", "/v1/agent/pprof/").await.refusal(), (404, "Invalid method"));
    let slashless = get(&guarded, "/v1/agent/pprof?seconds=1").await;
    assert_eq!(slashless.status, 307);
    assert_eq!(slashless.headers["location"], "/v1/agent/pprof/?seconds=1");
}
