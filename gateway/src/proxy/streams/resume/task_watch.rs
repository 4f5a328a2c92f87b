//! Watches for a task's end, as the servers know it.

use std::{pin::Pin, time::Duration};

use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::subrequest::{BoxedBody, SubrequestClient, parse_json};
use crate::proxy::streams::resume::stream_options::{StreamCall, StreamOptions};

/// A server holds a question so long, unless something changes.
const BLOCKING_WAIT: &str = "60s";

/// A server that answers at once, whatever it was asked, is not asked more often.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The same for one that cannot answer now.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// A log is quiet when nothing has come for so long: its writer flushes every 100 ms, agents look at it every 250 ms and
/// send every 200 ms.
const QUIET_PERIOD: Duration = Duration::from_secs(1);

/// Ends when the task is dead.
pub(super) type TaskDeath = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins to watch the task, where that is wanted.
///
/// # Errors
/// The answer of a server that does not tell this caller.
pub(super) async fn watch(
    mut asking: SubrequestClient,
    wish: &StreamOptions,
) -> Result<Option<TaskDeath>, Response<BoxedBody>> {
    let StreamCall::Logs { allocation, task, .. } = &wish.call else { return Ok(None) };
    if !wish.until_dead {
        return Ok(None);
    }
    let (path, task) = (format!("/v1/allocation/{allocation}"), task.clone());
    let Some(answer) = asking.send(&path, &[]).await else { return Ok(None) };
    if answer.status() != StatusCode::OK {
        return Err(answer);
    }
    let index = response_index(answer.headers());
    let is_dead = parse_json(answer.into_body()).await.is_some_and(|told| is_dead(&told, &task));
    Ok(Some(Box::pin(async move {
        if !is_dead {
            wait_until_dead(asking, &path, &task, index).await;
        }
    })))
}

async fn wait_until_dead(mut asking: SubrequestClient, path: &str, task: &str, mut index: u64) {
    loop {
        let text = index.to_string();
        let answer = asking.send(path, &[("index", &text), ("wait", BLOCKING_WAIT)]).await;
        match answer.map(|answer| (answer.status(), answer)) {
            Some((StatusCode::OK, answer)) => {
                let next = response_index(answer.headers());
                // A lower one is that of a cluster that was restored.
                index = if next < index { 0 } else { next };
                if parse_json(answer.into_body()).await.is_some_and(|told| is_dead(&told, task)) {
                    return;
                }
                sleep(MIN_POLL_INTERVAL).await;
            }
            // It was collected, so that it has ended.
            Some((StatusCode::NOT_FOUND, _)) => return,
            _ => sleep(RETRY_PAUSE).await,
        }
    }
}

fn response_index(headers: &HeaderMap) -> u64 {
    let index = headers.get("x-nomad-index").and_then(|index| index.to_str().ok());
    index.and_then(|index| index.parse().ok()).unwrap_or(0)
}

/// Dead is the state in which a task stays. An allocation can end before a task of it has any state.
fn is_dead(allocation: &Value, task: &str) -> bool {
    match allocation["TaskStates"][task]["State"].as_str() {
        Some("dead") => true,
        Some(_) => allocation["ClientStatus"] == "lost",
        None => matches!(allocation["ClientStatus"].as_str(), Some("complete" | "failed" | "lost")),
    }
}

/// How much longer a stream lives.
pub(super) enum StreamLife {
    /// Nobody asked for an end.
    Endless,
    /// Until the task is dead.
    UntilDead(TaskDeath),
    /// The task is dead; until its log has been quiet up to this moment.
    UntilQuiet(Instant),
}

impl std::fmt::Debug for StreamLife {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Endless => "Endless",
            Self::UntilDead(_) => "UntilDead",
            Self::UntilQuiet(_) => "UntilQuiet",
        })
    }
}

impl StreamLife {
    pub(super) fn new(death: Option<TaskDeath>) -> Self {
        death.map_or(Self::Endless, Self::UntilDead)
    }

    /// Something of the log has come.
    pub(super) fn record_data(&mut self) {
        if let Self::UntilQuiet(moment) = self {
            *moment = Instant::now() + QUIET_PERIOD;
        }
    }

    /// Its end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is forgotten when the future is dropped.
    pub(super) async fn ended(&mut self) {
        loop {
            match self {
                Self::Endless => std::future::pending().await,
                Self::UntilDead(death) => death.await,
                Self::UntilQuiet(moment) => return sleep_until(*moment).await,
            }
            *self = Self::UntilQuiet(Instant::now() + QUIET_PERIOD);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_is_dead_when_it_stays_so() {
        let of = |client: &str, state: Option<&str>| {
            let states = state.map(|state| json!({ "web": { "State": state } }));
            is_dead(&json!({ "ClientStatus": client, "TaskStates": states }), "web")
        };
        assert!(!of("pending", None));
        assert!(!of("running", Some("running")));
        assert!(!of("failed", Some("pending")), "it will be started again");
        assert!(of("running", Some("dead")));
        assert!(of("failed", None));
        assert!(of("lost", Some("running")));
    }
}
