//! What all calls have in common: compression, configured headers, layout, types.

use std::{io::Read as _, sync::Arc};

use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use nomad_acl::AclDisabled;
use nomad_agent::{Agent, AgentConfig, Role, Roster, standalone};
use tokio::net::TcpStream;

use crate::support::{TestResponse, get, get_as, request, send_request, serve, start, start_alone};

async fn get_accepting(agent: &Agent, encoding: &'static str, path: &str) -> TestResponse {
    let mut request = request("GET", path);
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    send_request(standalone(agent.clone(), AclDisabled), request).await
}

fn decompress(answer: &TestResponse) -> String {
    let mut text = String::new();
    match answer.headers[header::CONTENT_ENCODING].to_str().unwrap() {
        "gzip" => flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text),
        "deflate" => flate2::read::DeflateDecoder::new(&answer.body[..]).read_to_string(&mut text),
        other => panic!("{other}"),
    }
    .unwrap();
    text
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let agent = start_alone(Role::Both).await;
    let health = "/v1/agent/health";
    let plain = get(&agent, health).await;
    assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    for encoding in ["gzip", "deflate", "gzip, deflate, br", "br, deflate"] {
        let answer = get_accepting(&agent, encoding, health).await;
        assert_eq!(decompress(&answer), plain.text, "{encoding}");
        assert_eq!(answer.headers[header::VARY], "Accept-Encoding");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    }
    // Weights are not parsed.
    for encoding in ["gzip;q=1.0", "br", "identity"] {
        assert_eq!(get_accepting(&agent, encoding, health).await.text, plain.text, "{encoding}");
    }
    // Errors and responses without a body are compressed too.
    let error = get_accepting(&agent, "gzip", "/v1/agent/health?wait=x").await;
    assert_eq!((error.status.as_u16(), decompress(&error).as_str()), (400, "Invalid wait time"));
    let nobody = get_accepting(&agent, "gzip", "/v1/agent/foo").await;
    assert_eq!((nobody.status.as_u16(), decompress(&nobody).as_str()), (404, ""));
}

#[tokio::test]
async fn nothing_is_compressed_on_the_way_to_an_upgrade() {
    let agent = start_alone(Role::Both).await;
    let mut request = request("GET", "/v1/agent/health");
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let answer = send_request(standalone(agent, AclDisabled), request).await;
    assert!(!answer.headers.contains_key(header::CONTENT_ENCODING));
}

// Every line of a log can be read when it arrives, not when the compressor has a full block.
#[tokio::test]
async fn a_compressed_stream_is_flushed_with_every_chunk() {
    use std::io::Write as _;

    let agent = start_alone(Role::Client).await;
    let address = serve(standalone(agent.clone(), AclDisabled)).await;
    let socket = hyper_util::rt::TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let mut request = request("GET", "/v1/agent/monitor?plain=true");
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("agent"));
    let speaker = agent.clone();
    let say = move |word: &str| {
        tracing::dispatcher::with_default(speaker.dispatch(), || tracing::info!("{word}"));
    };
    let first = tokio::spawn({
        let (agent, say) = (agent.clone(), say.clone());
        async move {
            while agent.log().receiver_count() == 0 {
                tokio::task::yield_now().await;
            }
            say("first");
        }
    });
    let response = sender.send_request(request).await.unwrap();
    first.await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let mut body = response.into_body();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for word in ["first", "second"] {
        while !String::from_utf8_lossy(decoder.get_ref()).contains(word) {
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            decoder.write_all(&chunk).unwrap();
            decoder.flush().unwrap();
        }
        say("second");
    }
}

#[tokio::test]
async fn configured_headers_are_on_every_answer_of_a_call() {
    let mut response_headers = HeaderMap::new();
    response_headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    response_headers.insert("content-type", HeaderValue::from_static("text/x-wrong"));
    let config = AgentConfig { response_headers, ..AgentConfig::new("agent1", Role::Both) };
    let agent = start(config, &Arc::new(Roster::new())).await;
    for path in ["/v1/agent/health", "/v1/agent/health?wait=x", "/v1/agent/monitor?log_level=x"] {
        let answer = get(&agent, path).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        assert_ne!(answer.headers["content-type"], "text/x-wrong", "{path}");
    }
    let denied = get_as(&agent, "", "/v1/agent/self").await;
    assert_eq!(denied.headers["access-control-allow-origin"], "*");
    // An unknown path, and a redirect.
    for path in ["/v1/agent/foo", "/v1/agent/pprof"] {
        let answer = get(&agent, path).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    // Their values may be secrets.
    let shown = get(&agent, "/v1/agent/self").await.json();
    let shown = &shown["config"]["HTTPAPIResponseHeaders"]["access-control-allow-origin"];
    assert_eq!(shown, "<redacted>");
}

// The web page itself is not served, but the bare address redirects to where it would be.
#[tokio::test]
async fn the_bare_address_leads_to_the_console() {
    let agent = start_alone(Role::Both).await;
    for (path, location) in [("/", "/ui/"), ("/?ott=one-time&x=%2F", "/ui/?ott=one-time&x=%2F")] {
        let answer = get(&agent, path).await;
        assert_eq!(answer.status, 307);
        assert_eq!(answer.headers[header::LOCATION], location);
    }
}

#[tokio::test]
async fn common_parameters_are_read_as_go_reads_them() {
    let agent = start_alone(Role::Both).await;
    let stale = "Expect `true` or `false` for `stale` query string parameter";
    for (query, fault) in [
        ("wait=60s&index=1000", None),
        ("wait=60foo", Some("Invalid wait time")),
        ("index=foo", Some("Invalid index")),
        ("stale", None),
        ("stale=true", None),
        ("stale=false", None),
        ("stale=random", Some(stale)),
        ("stale=1234", Some(stale)),
        ("consistent=random", None),
        ("region=foo", None),
        ("per_page=x", Some("Expect a number for `per_page` query string parameter")),
        ("wait=1s&wait=x", None),
    ] {
        let answer = get(&agent, &format!("/v1/agent/members?{query}")).await;
        match fault {
            Some(text) => assert_eq!(answer.refusal(), (400, text), "{query}"),
            None => assert_eq!(answer.status, 200, "{query}"),
        }
    }
}

#[tokio::test]
async fn json_is_indented_on_request() {
    let agent = start_alone(Role::Both).await;
    let compact = get(&agent, "/v1/agent/health").await.text;
    for query in ["pretty=0", "other=1"] {
        assert_eq!(get(&agent, &format!("/v1/agent/health?{query}")).await.text, compact);
    }
    for query in ["pretty", "pretty=1", "pretty=false"] {
        let text = get(&agent, &format!("/v1/agent/health?{query}")).await.text;
        assert!(text.starts_with("{\n    \"client\": {\n") && text.ends_with("}\n"), "{text}");
    }
}

#[tokio::test]
async fn tokens_are_taken_from_either_header() {
    let agent = start_alone(Role::Both).await;
    for (name, value, status) in [
        ("x-nomad-token", "management", 200),
        ("x-nomad-token", " management", 200),
        ("authorization", "Bearer management", 200),
        ("authorization", "bearer  management", 200),
        ("authorization", "management", 403),
        ("authorization", "Basic management", 403),
    ] {
        let mut asked = request("GET", "/v1/agent/self");
        asked.headers_mut().insert(name, value.parse().unwrap());
        let answer =
            send_request(standalone(agent.clone(), crate::support::TestTokens), asked).await;
        assert_eq!(answer.status, status, "{name}: {value}");
    }
}
