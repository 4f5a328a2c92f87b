//! When a task is dead, as the servers know it.

use std::{pin::Pin, time::Duration};

use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    asking::{AnyBody, Asking, json},
    wish::{Call, Wish},
};

/// A server holds a question so long, unless something changes.
const WAIT: &str = "60s";

/// A server that answers at once, whatever it was asked, is not asked more often.
const PAUSE: Duration = Duration::from_millis(250);

/// The same for one that cannot answer now.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(2);

/// A log is quiet when nothing has come for so long: its writer flushes every 100 ms, agents look at it every 250 ms and
/// send every 200 ms.
const QUIET: Duration = Duration::from_secs(1);

/// Ends when the task is dead.
pub(super) type Death = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins to watch the task, where that is wanted.
///
/// # Errors
/// The answer of a server that does not tell this caller.
pub(super) async fn watch(
    mut asking: Asking,
    wish: &Wish,
) -> Result<Option<Death>, Response<AnyBody>> {
    let Call::Logs { allocation, task, .. } = &wish.call else { return Ok(None) };
    if !wish.until_dead {
        return Ok(None);
    }
    let (path, task) = (format!("/v1/allocation/{allocation}"), task.clone());
    let Some(answer) = asking.ask(&path, &[]).await else { return Ok(None) };
    if answer.status() != StatusCode::OK {
        return Err(answer);
    }
    let index = index(answer.headers());
    let is_dead = json(answer.into_body()).await.is_some_and(|told| is_dead(&told, &task));
    Ok(Some(Box::pin(async move {
        if !is_dead {
            wait(asking, &path, &task, index).await;
        }
    })))
}

async fn wait(mut asking: Asking, path: &str, task: &str, mut index: u64) {
    loop {
        let text = index.to_string();
        let answer = asking.ask(path, &[("index", &text), ("wait", WAIT)]).await;
        match answer.map(|answer| (answer.status(), answer)) {
            Some((StatusCode::OK, answer)) => {
                let next = self::index(answer.headers());
                // A lower one is that of a cluster that was restored.
                index = if next < index { 0 } else { next };
                if json(answer.into_body()).await.is_some_and(|told| is_dead(&told, task)) {
                    return;
                }
                sleep(PAUSE).await;
            }
            // It was collected, so that it has ended.
            Some((StatusCode::NOT_FOUND, _)) => return,
            _ => sleep(PAUSE_AFTER_FAULT).await,
        }
    }
}

fn index(headers: &HeaderMap) -> u64 {
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
pub(super) enum Life {
    /// Nobody asked for an end.
    Endless,
    /// Until the task is dead.
    UntilDead(Death),
    /// The task is dead; until its log has been quiet up to this moment.
    UntilQuiet(Instant),
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Endless => "Endless",
            Self::UntilDead(_) => "UntilDead",
            Self::UntilQuiet(_) => "UntilQuiet",
        })
    }
}

impl Life {
    pub(super) fn new(death: Option<Death>) -> Self {
        death.map_or(Self::Endless, Self::UntilDead)
    }

    /// Something of the log has come.
    pub(super) fn heard(&mut self) {
        if let Self::UntilQuiet(moment) = self {
            *moment = Instant::now() + QUIET;
        }
    }

    /// Its end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is forgotten when the future is dropped.
    pub(super) async fn over(&mut self) {
        loop {
            match self {
                Self::Endless => std::future::pending().await,
                Self::UntilDead(death) => death.await,
                Self::UntilQuiet(moment) => return sleep_until(*moment).await,
            }
            *self = Self::UntilQuiet(Instant::now() + QUIET);
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
