//! `/v1/client/metadata`

use std::{collections::BTreeMap, sync::Arc};

use nomad_agent::{Agent, AgentConfig, Role, Roster};
use serde_json::json;

use crate::{
    fixture::UNKNOWN,
    support::{get, get_as, request_with, send, send_request_as, start, start_alone},
};

const PATH: &str = "/v1/client/metadata";

async fn with_meta(dir: Option<&std::path::Path>) -> Agent {
    let config = AgentConfig {
        meta: BTreeMap::from([("rack".to_owned(), "r1".to_owned())]),
        data_dir: dir.map(ToOwned::to_owned),
        ..AgentConfig::new("client1", Role::Client)
    };
    start(config, &Arc::new(Roster::new())).await
}

#[tokio::test]
async fn changes_are_shown_and_survive_the_agent() {
    let dir = tempfile::tempdir().unwrap();
    let agent = with_meta(Some(dir.path())).await;
    let fixed = r#"{"Meta":{"rack":"r1"},"Dynamic":null,"Static":{"rack":"r1"}}"#;
    assert_eq!(get(&agent, PATH).await.text, fixed);
    let body = r#"{"meta":{"team.lead":"ann","rack":null,"gone":null}}"#;
    let changed = send(&agent, "POST", PATH, body).await;
    let expected = json!({
        "Meta": {"team.lead": "ann"},
        "Dynamic": {"rack": null, "team.lead": "ann"},
        "Static": {"rack": "r1"},
    });
    assert_eq!(changed.json(), expected);
    drop(agent);
    let agent = with_meta(Some(dir.path())).await;
    assert_eq!(get(&agent, PATH).await.json(), expected);
    send(&agent, "POST", PATH, r#"{"Meta":{"team.lead":null,"rack":"r2"}}"#).await;
    let agent = with_meta(Some(dir.path())).await;
    let shown = get(&agent, PATH).await.json();
    assert_eq!((&shown["Meta"], &shown["Dynamic"]), (&json!({"rack":"r2"}), &json!({"rack":"r2"})));
}

#[tokio::test]
async fn metadata_is_refused_in_nomads_words() {
    let agent = with_meta(None).await;
    for (body, text) in [
        ("", "Request body is empty"),
        ("{", "unexpected EOF"),
        ("{}", "missing required Meta object"),
        (r#"{"Meta":{"":"x"}}"#, "metadata keys must not be empty"),
        (
            r#"{"Meta":{"*":"x"}}"#,
            r#""*" is invalid; metadata keys must be valid dotted hcl identifiers"#,
        ),
    ] {
        assert_eq!(send(&agent, "POST", PATH, body).await.refusal(), (400, text), "{body}");
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = send(&agent, method, PATH, "{}").await;
        assert_eq!(answer.refusal(), (405, "Invalid method"), "{method}");
    }
    let unknown = format!("Unknown node {UNKNOWN}");
    let other = format!("{PATH}?node_id={UNKNOWN}");
    assert_eq!(get(&agent, &other).await.refusal(), (500, unknown.as_str()));
    let body = format!(r#"{{"NodeID":"{UNKNOWN}","Meta":{{}}}}"#);
    assert_eq!(send(&agent, "POST", PATH, &body).await.refusal(), (500, unknown.as_str()));
    // The query takes precedence.
    let own = format!("{PATH}?node_id={}", agent.node_id().unwrap());
    send(&agent, "POST", &own, &body).await.json();
    let denied = (403, "Permission denied");
    for token in ["", "agent-write"] {
        assert_eq!(get_as(&agent, token, PATH).await.refusal(), denied, "{token}");
    }
    get_as(&agent, "node-read", PATH).await.json();
    let change = || request_with("POST", PATH, r#"{"Meta":{"a":"1"}}"#);
    for token in ["", "node-read"] {
        assert_eq!(send_request_as(&agent, token, change()).await.refusal(), denied, "{token}");
    }
    assert_eq!(send_request_as(&agent, "node-write", change()).await.json()["Meta"]["a"], "1");
    get_as(&agent, "management", PATH).await.json();
    let server = start_alone(Role::Server).await;
    let nobody = (400, "No local Node and node_id not provided");
    assert_eq!(get(&server, PATH).await.refusal(), nobody);
}
