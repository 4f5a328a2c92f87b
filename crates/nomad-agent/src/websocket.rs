//! Websockets in front of the service: a session becomes a request whose body is what the client sends and a
//! response whose body is what it receives, one message per chunk.
//!
//! ```text
//!  GET … Upgrade: websocket ──► 101, and then in a task of its own:
//!
//!    client ─ message ─► request body ──┐
//!                                       ├─ IDENTIFY ─ FIND_SUBJECT ─ ADMIT ─ Agent
//!    client ◄ message ── response body ─┘
//! ```
//!
//! As in Nomad 2.0 the upgrade comes first, because a browser can send its token only in the first message. So
//! every refusal is a close frame: 1011 for what would be a status of 500, 1009 for a message that is too long,
//! 1008 for all others.

mod handshake;
mod session;
mod upgrade;

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Request, Response, StatusCode, header};
use nomad_acl::{Identify, Tokens};
use nomad_wire::{AllocRoute, HttpError, Route};
use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber as _;

use self::session::Session;
use crate::{
    agent::Agent,
    body::Body,
    request_body::RequestBody,
    standalone::{FindSubject, RequestLog},
};

/// Sessions at once: the listener no longer counts an upgraded connection, and each session has processes of its
/// own.
const MAX_SESSIONS: usize = 1024;

/// Whether these headers ask for a websocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    has_list_item(headers, &header::CONNECTION, "upgrade")
        && has_list_item(headers, &header::UPGRADE, "websocket")
}

/// Whether a list-valued header contains this item.
fn has_list_item(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

/// Whether a request starts an exec session.
pub(crate) fn is_exec_upgrade<B>(request: &Request<B>) -> bool {
    is_upgrade(request.headers())
        && matches!(
            Route::parse(request.method(), request.uri()),
            Ok(Route::Allocation(AllocRoute::Exec, _))
        )
}

/// Takes the connection over, and starts the session in a task that ends with the agent.
///
/// # Errors
/// When the request is no valid websocket handshake, or there are too many sessions.
pub(crate) fn accept<T, B>(
    service: Identify<FindSubject, T>,
    agent: &Agent,
    mut request: Request<B>,
    completion: RequestLog,
) -> Result<Response<Body>, HttpError>
where
    T: Tokens + Send + 'static,
    B: RequestBody,
{
    let answer = upgrade::switching_protocols(&request)?;
    let connection = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let session = Session { connection, head: parts, service, request_log: completion };
    let session = session.run().with_subscriber(agent.dispatch().clone());
    agent.sessions().spawn(session).map(|()| answer)
}

/// The sessions of an agent. They end with it.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<JoinSet<()>>);

impl Sessions {
    /// Starts one more.
    ///
    /// # Errors
    /// 503 when there are [`MAX_SESSIONS`].
    fn spawn(&self, session: impl Future<Output = ()> + Send + 'static) -> Result<(), HttpError> {
        // A panic while the lock was held leaves the set valid.
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        if running.len() >= MAX_SESSIONS {
            let text = "too many commands run at this agent";
            return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        running.spawn(session);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_are_only_so_many_and_who_is_done_makes_room() {
        let sessions = Sessions::default();
        let (over, ended) = tokio::sync::watch::channel(false);
        for _ in 0..MAX_SESSIONS {
            let mut ended = ended.clone();
            sessions.spawn(async move { drop(ended.wait_for(|&over| over).await) }).unwrap();
        }
        let refused = sessions.spawn(async {}).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        over.send_replace(true);
        drop(ended);
        over.closed().await;
        while sessions.spawn(async {}).is_err() {
            tokio::task::yield_now().await;
        }
    }
}
