//! `/v1/client/allocation/:id/exec` over real websockets.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use nomad_acl::{AclDisabled, Tokens};
use nomad_agent::TaskSpec;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

use crate::{
    alloc_rights::FixedAcl,
    fixture::{ALLOC, AllocFixture, SOON, UNKNOWN, shell, start_tasks},
    support::{TestTokens, get},
    test_server::{TestServer, serve},
};

/// A client and its agent.
struct ExecClient {
    socket: WebSocketStream<TcpStream>,
    _served: TestServer,
}

/// Everything received until the end.
#[derive(Debug, Default)]
struct ExecOutput {
    stdout: String,
    stderr: String,
    /// The messages without data, in order.
    others: Vec<String>,
    close: Option<(u16, String)>,
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn path(id: &str, task: &str, command: &[&str], more: &str) -> String {
    let command = encoded(&json!(command).to_string());
    format!("/v1/client/allocation/{id}/exec?task={task}&command={command}{more}")
}

async fn call<T>(
    stage: &AllocFixture,
    tokens: T,
    path: &str,
    headers: &[(&'static str, &str)],
) -> ExecClient
where
    T: Tokens + Clone + Send + 'static,
{
    let served = serve(&stage.agent, tokens).await;
    let mut request = format!("ws://{}{path}", served.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let socket = TcpStream::connect(served.address).await.unwrap();
    let (socket, answer) = client_async(request, socket).await.unwrap();
    assert_eq!(answer.status(), 101);
    ExecClient { socket, _served: served }
}

async fn run(stage: &AllocFixture, script: &str, more: &str) -> ExecClient {
    call(stage, AclDisabled, &path(ALLOC, "web", &["/bin/sh", "-c", script], more), &[]).await
}

impl ExecClient {
    async fn send(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn send_stdin(&mut self, text: &str) {
        self.send(&json!({"stdin": {"data": STANDARD.encode(text)}})).await;
    }

    /// Receives until standard output contains the text.
    async fn wait_for_output(&mut self, wanted: &str) -> String {
        let mut heard = ExecOutput::default();
        let hearing = async {
            while !heard.stdout.contains(wanted) {
                assert!(self.next(&mut heard).await, "{heard:?}");
            }
        };
        timeout(SOON, hearing).await.unwrap();
        heard.stdout
    }

    async fn read_to_end(mut self) -> ExecOutput {
        let mut heard = ExecOutput::default();
        timeout(SOON, async { while self.next(&mut heard).await {} }).await.unwrap();
        heard
    }

    /// Receives one message; false at the end.
    async fn next(&mut self, heard: &mut ExecOutput) -> bool {
        let message = match self.socket.next().await {
            Some(Ok(message)) => message,
            // No close frame after the end, as in Nomad.
            None
            | Some(Err(tungstenite::Error::Protocol(_) | tungstenite::Error::ConnectionClosed)) => {
                return false;
            }
            Some(Err(error)) => panic!("{error}"),
        };
        match message {
            Message::Text(text) => record(heard, &text),
            Message::Close(Some(CloseFrame { code, reason })) => {
                heard.close = Some((code.into(), reason.to_string()));
                return false;
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
        true
    }
}

fn record(heard: &mut ExecOutput, text: &str) {
    let message: Value = serde_json::from_str(text).unwrap();
    for (key, to) in [("stdout", &mut heard.stdout), ("stderr", &mut heard.stderr)] {
        if let Some(data) = message[key]["data"].as_str() {
            let data = STANDARD.decode(data).unwrap();
            assert!(data.len() <= 1024);
            to.push_str(str::from_utf8(&data).unwrap());
            return;
        }
    }
    heard.others.push(text.to_owned());
}

async fn start_beating_task() -> AllocFixture {
    let mut task = shell("web", "echo up; exec sleep 600");
    task.env.insert("COLOUR".to_owned(), "green".to_owned());
    let stage = start_tasks(vec![task, TaskSpec::new("ghost", "/does/not/exist")]).await;
    stage.wait_for_line("alloc/logs/web.stdout.0", "up").await;
    stage.alloc.task("ghost").unwrap().wait_for(|_| false).await;
    stage
}

fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn wait_until_gone(pid: &str) {
    let gone = async {
        while alive(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, gone).await.unwrap();
}

const CLOSED: [&str; 2] = [r#"{"stdout":{"close":true}}"#, r#"{"stderr":{"close":true}}"#];

#[tokio::test]
async fn a_command_runs_in_the_place_of_its_task() {
    let stage = start_beating_task().await;
    let script = "pwd; echo $COLOUR $NOMAD_TASK_NAME; echo oh >&2; exit 3";
    let mut heard = run(&stage, script, "").await.read_to_end().await;
    let place = stage.path("web").display().to_string();
    assert_eq!(heard.stdout, format!("{place}\ngreen web\n"));
    assert_eq!(heard.stderr, "oh\n");
    assert_eq!(heard.others.pop().unwrap(), r#"{"exited":true,"result":{"exit_code":3}}"#);
    heard.others.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(heard.others, CLOSED);
    assert_eq!(heard.close, None, "no close frame");
    let heard = run(&stage, "true", "").await.read_to_end().await;
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);
    let heard = run(&stage, "kill -TERM $$", "").await.read_to_end().await;
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{"exit_code":143}}"#);
}

#[tokio::test]
async fn input_is_heard_and_has_an_end() {
    let stage = start_beating_task().await;
    let mut client = run(&stage, "cat; echo done", "").await;
    client.send_stdin("one\n").await;
    assert_eq!(client.wait_for_output("one\n").await, "one\n");
    client.send(&json!({})).await;
    client.send_stdin("two\n").await;
    client.send(&json!({"stdin": {"close": true}})).await;
    let heard = client.read_to_end().await;
    assert_eq!(heard.stdout, "two\ndone\n");
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);
}

#[tokio::test]
async fn a_terminal_is_a_terminal() {
    let stage = start_beating_task().await;
    let mut client =
        run(&stage, "test -t 0 && test -t 2 && read x && stty size && echo oops >&2", "&tty=true")
            .await;
    client.send(&json!({"tty_size": {"height": 33, "width": 77}})).await;
    client.send_stdin("go\n").await;
    let heard = client.read_to_end().await;
    // A terminal echoes its input, and errors appear in the same output.
    assert_eq!(heard.stdout, "go\r\n33 77\r\noops\r\n");
    assert_eq!(heard.stderr, "");
    assert_eq!(heard.others, [CLOSED[0], r#"{"exited":true,"result":{}}"#]);
    let mut client = run(&stage, "cat", "&tty=true").await;
    client.send_stdin("word\n").await;
    client.wait_for_output("word\r\nword\r\n").await;
    client.send(&json!({"stdin": {"close": true}})).await;
    assert_eq!(client.read_to_end().await.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);
    // Ctrl-C interrupts the program in the terminal.
    let mut client = run(&stage, "echo ready; exec sleep 600", "&tty=true").await;
    client.wait_for_output("ready").await;
    client.send_stdin("\u{3}").await;
    let exited = r#"{"exited":true,"result":{"exit_code":130}}"#;
    assert_eq!(client.read_to_end().await.others.last().unwrap(), exited);
}

#[tokio::test]
async fn much_output_arrives_whole_at_a_slow_reader() {
    let stage = start_beating_task().await;
    let mut client =
        run(&stage, "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done", "").await;
    client.wait_for_output("line 0\n").await;
    // Long enough to fill every buffer on the way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let heard = client.read_to_end().await;
    let lines: String = (0..40000).map(|n| format!("line {n}\n")).collect();
    assert!(
        lines.ends_with(&heard.stdout) && heard.stdout.len() > 100_000,
        "{}",
        heard.stdout.len()
    );
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);
}

#[tokio::test]
async fn who_goes_away_takes_every_process_along() {
    let stage = start_beating_task().await;
    for tty in ["", "&tty=true"] {
        let mut client =
            run(&stage, "trap '' INT TERM HUP; sleep 600 & echo pids $$ $! end; wait", tty).await;
        let output = client.wait_for_output("end").await;
        let pids: Vec<_> = output.split_whitespace().skip(1).take(2).collect();
        assert!(pids.iter().all(|pid| alive(pid)), "{output}");
        drop(client);
        for pid in pids {
            wait_until_gone(pid).await;
        }
    }
    assert_eq!(stage.agent.open_streams(), 0);
}

#[tokio::test]
async fn a_command_ends_with_its_task_and_with_its_agent() {
    let stage = start_beating_task().await;
    let mut client = run(&stage, "echo pid $$ end; exec sleep 600", "").await;
    let output = client.wait_for_output("end").await;
    let pid = output.split_whitespace().nth(1).unwrap().to_owned();
    stage.alloc.task("web").unwrap().stop().await;
    let heard = client.read_to_end().await;
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{"exit_code":137}}"#);
    wait_until_gone(&pid).await;

    let stage = start_beating_task().await;
    let mut client = run(&stage, "echo pid $$ end; exec sleep 600", "").await;
    let output = client.wait_for_output("end").await;
    let pid = output.split_whitespace().nth(1).unwrap().to_owned();
    let ExecClient { socket, _served } = client;
    drop((stage, _served));
    wait_until_gone(&pid).await;
    drop(socket);
}

#[tokio::test]
async fn refusals_are_close_frames() {
    let stage = start_beating_task().await;
    let unknown = format!("Unknown allocation \"{UNKNOWN}\"");
    let json = "failed to marshal command into json: unexpected end of JSON input";
    let tty = r#"tty value is not a boolean: strconv.ParseBool: parsing "x": invalid syntax"#;
    let exec = |query: &str| format!("/v1/client/allocation/{ALLOC}/exec?{query}");
    for (path, code, reason) in [
        (path(UNKNOWN, "web", &["true"], ""), 1008, unknown.as_str()),
        (exec("command=[]"), 1008, "must provide task name"),
        (exec("task=web&command=[]"), 1008, "command is not present"),
        (exec("task=web"), 1011, json),
        (path(ALLOC, "web", &["true"], "&tty=x"), 1011, tty),
        (path(ALLOC, "nobody", &["true"], ""), 1008, r#"unknown task name "nobody""#),
        (path(ALLOC, "ghost", &["true"], ""), 1008, r#"task "ghost" is not running."#),
        (
            path(ALLOC, "web", &["/does/not/exist"], ""),
            1011,
            "failed to start /does/not/exist: No such file or directory (os error 2)",
        ),
    ] {
        let heard = call(&stage, AclDisabled, &path, &[]).await.read_to_end().await;
        assert_eq!(heard.close, Some((code, reason.to_owned())), "{path}");
        assert!(heard.others.is_empty());
    }
}

#[tokio::test]
async fn the_token_may_come_in_the_first_message() {
    let stage = start_beating_task().await;
    let hello = |token: &str| json!({"version": 1, "auth_token": token});
    let path = path(ALLOC, "web", &["echo", "hi"], "&ws_handshake=true");
    for headers in [&[][..], &[("x-nomad-token", "management")]] {
        let mut client = call(&stage, TestTokens, &path, headers).await;
        client.send(&hello("management")).await;
        assert_eq!(client.read_to_end().await.stdout, "hi\n");
    }
    for (message, header, reason) in [
        (hello("unknown"), None, "Permission denied"),
        (hello(""), None, "Permission denied"),
        (hello("gone"), None, "ACL token expired"),
        (json!({"version": 2, "auth_token": "management"}), None, "unexpected handshake value: 2"),
        (hello("management"), Some("other"), "handshake auth token mismatched auth header token"),
    ] {
        let header = header.map(|token| ("x-nomad-token", token));
        let mut client = call(&stage, TestTokens, &path, header.as_slice()).await;
        client.send(&message).await;
        assert_eq!(client.read_to_end().await.close, Some((1008, reason.to_owned())));
    }
    // Without `ws_handshake` no first message is awaited.
    let plain = path.replace("&ws_handshake=true", "");
    let heard = call(&stage, TestTokens, &plain, &[]).await.read_to_end().await;
    assert_eq!(heard.close, Some((1008, "Permission denied".to_owned())));
    let header = [("x-nomad-token", "management")];
    assert_eq!(call(&stage, TestTokens, &plain, &header).await.read_to_end().await.stdout, "hi\n");
}

#[tokio::test]
async fn a_task_that_shares_the_file_system_costs_two_rights() {
    let stage = start_beating_task().await;
    let path = path(ALLOC, "web", &["echo", "hi"], "");
    for (rights, allowed) in [
        (r#"["alloc-exec"]"#, false),
        (r#"["alloc-node-exec"]"#, false),
        (r#"["alloc-exec", "alloc-node-exec"]"#, true),
    ] {
        let rules = format!("namespace \"apps\" {{ capabilities = {rights} }}");
        let heard =
            call(&stage, FixedAcl::from_rules(&rules), &path, &[]).await.read_to_end().await;
        let denied = (1008, "Permission denied".to_owned());
        assert_eq!(heard.close, (!allowed).then_some(denied), "{rights}");
        assert_eq!(heard.stdout, if allowed { "hi\n" } else { "" });
    }
}

#[tokio::test]
async fn what_is_no_websocket_is_refused() {
    let stage = start_beating_task().await;
    let path = path(ALLOC, "web", &["true"], "");
    let answer = get(&stage.agent, &path).await;
    assert_eq!(answer.refusal(), (500, "websocket connection not found in context"));
    let served = serve(&stage.agent, AclDisabled).await;
    for (name, value, status) in [
        ("origin", "http://evil.example", 403),
        ("sec-websocket-version", "12", 400),
        ("sec-websocket-key", "short", 400),
    ] {
        let mut request = format!("ws://{}{path}", served.address).into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let socket = TcpStream::connect(served.address).await.unwrap();
        let refused = client_async(request, socket).await.unwrap_err();
        let tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
        assert_eq!(answer.status(), status, "{name}");
    }
    // A page of this very agent is allowed.
    let own = format!("http://{}", served.address);
    let mut request = format!("ws://{}{path}", served.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", own.parse().unwrap());
    request.headers_mut().insert("connection", "keep-alive, Upgrade".parse().unwrap());
    let socket = TcpStream::connect(served.address).await.unwrap();
    client_async(request, socket).await.unwrap();
}

#[tokio::test]
async fn each_output_is_a_message_and_the_end_is_no_error() {
    let stage = start_beating_task().await;
    let mut client = run(&stage, "while read word; do printf '%s' $word; done", "").await;
    for word in ["one", "two", "done!"] {
        client.send_stdin(&format!("{word}\n")).await;
        let message = timeout(SOON, client.socket.next()).await.unwrap().unwrap().unwrap();
        let expected = json!({"stdout": {"data": STANDARD.encode(word)}}).to_string();
        assert_eq!(message, Message::text(expected));
    }
    client.send(&json!({"stdin": {"close": true}})).await;
    let heard = client.read_to_end().await;
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);
    assert_eq!(heard.close, None);
}

#[tokio::test]
async fn a_megabyte_of_input_fits_into_a_message_and_what_is_too_long_is_told() {
    let stage = start_beating_task().await;
    let mut client = run(&stage, "wc -c", "").await;
    client.send_stdin(&"x".repeat(1_000_000)).await;
    client.send(&json!({"stdin": {"close": true}})).await;
    let heard = client.read_to_end().await;
    assert_eq!(heard.stdout.trim(), "1000000");
    assert_eq!(heard.others.last().unwrap(), r#"{"exited":true,"result":{}}"#);

    let limit = nomad_frames::ExecMessage::MAX_LENGTH;
    let too_long = Some((1009, format!("a message may have {limit} bytes")));
    let mut client = run(&stage, "cat > /dev/null", "").await;
    client.send_stdin(&"x".repeat(limit)).await;
    assert_eq!(client.read_to_end().await.close, too_long);
    let mut client = run(&stage, "cat > /dev/null", "&ws_handshake=true").await;
    client.send_stdin(&"x".repeat(limit)).await;
    assert_eq!(client.read_to_end().await.close, too_long);
}

#[tokio::test]
async fn where_commands_are_off_nobody_may() {
    let config = nomad_agent::AgentConfig {
        disable_remote_exec: true,
        ..nomad_agent::AgentConfig::new("client1", nomad_agent::Role::Client)
    };
    let agent = crate::support::start(config, &std::sync::Arc::default()).await;
    // Before the allocation is looked up, and whatever the token.
    for token in ["", "management"] {
        let served = serve(&agent, TestTokens).await;
        let path = path(UNKNOWN, "web", &["true"], "");
        let mut request = format!("ws://{}{path}", served.address).into_client_request().unwrap();
        if !token.is_empty() {
            request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
        }
        let socket = TcpStream::connect(served.address).await.unwrap();
        let (socket, _) = client_async(request, socket).await.unwrap();
        let heard = ExecClient { socket, _served: served }.read_to_end().await;
        assert_eq!(heard.close, Some((1008, "Permission denied".to_owned())), "{token:?}");
    }
}
