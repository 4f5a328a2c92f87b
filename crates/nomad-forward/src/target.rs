//! Which agent a call names.

use std::borrow::Cow;

use nomad_wire::{AllocId, NodeId, Query, QueryError, Route, Written, query};

/// Whom a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// No agent is named: any server of the region.
    AnyServer,
    /// No agent is named, and servers cannot answer: any client of the region.
    AnyClient,
    /// `node_id`: a full id, an unambiguous prefix of one, or a node's name.
    Node(Written<NodeId>),
    /// `server_id=leader`
    Leader,
    /// `server_id`: a full name, a bare name, or a server's id.
    Server(Box<str>),
    /// The client that has this allocation.
    Allocation(Written<AllocId>),
}

/// The keys that decide who is asked, or on whose behalf: two readers of a repeated one could take different values.
pub(crate) const DECIDING: [&str; 4] = ["node_id", "client_id", "server_id", "region"];

impl Target {
    /// Whom a call is for. Pure: nobody is asked whether the agent exists.
    ///
    /// `node_id` and `server_id` are read on every agent call, also where Nomad itself acts only on the agent that
    /// receives the call. An empty one counts as absent.
    ///
    /// # Errors
    /// [`QueryError::BothTargets`] or [`QueryError::BothHostTargets`] when a node and a server are named at once,
    /// [`QueryError::Repeated`] when a deciding key stands more than once with different values.
    pub fn of(route: &Route, query: &Query<'_>) -> Result<Self, QueryError> {
        match route {
            Route::Pass => Ok(Self::AnyServer),
            Route::Fs(_, id) | Route::Allocation(_, id) => Ok(Self::Allocation(id.clone())),
            Route::ClientStats
            | Route::ClientGc
            | Route::Metadata
            | Route::SetMetadata
            | Route::Identity
            | Route::RenewIdentity => {
                single(query)?;
                Ok(query
                    .filled("node_id")
                    .map_or(Self::AnyServer, |id| Self::Node(Written::from(&*id))))
            }
            Route::Members
            | Route::Servers
            | Route::SetServers
            | Route::SelfInfo
            | Route::Join
            | Route::ForceLeave
            | Route::Health
            | Route::Host
            | Route::Monitor
            | Route::MonitorExport
            | Route::Pprof(_)
            | Route::Schedulers
            | Route::SchedulersConfig
            | Route::SetSchedulersConfig
            | Route::Keyring(_)
            | Route::Reload => {
                single(query)?;
                Self::of_agent_call(route, query)
            }
        }
    }

    fn of_agent_call(route: &Route, query: &Query<'_>) -> Result<Self, QueryError> {
        let node = query.filled("node_id").or_else(|| alias(route, query));
        match (node, query.filled("server_id")) {
            (Some(_), Some(_)) if matches!(route, Route::Host) => Err(QueryError::BothHostTargets),
            // A bad level or flag is complained about first.
            (Some(_), Some(_)) if matches!(route, Route::Monitor) => {
                query::MonitorQuery::parse(query).and(Err(QueryError::BothTargets))
            }
            (Some(_), Some(_)) => Err(QueryError::BothTargets),
            (Some(node), None) => Ok(Self::Node(Written::from(&*node))),
            (None, Some(server)) if server == "leader" => Ok(Self::Leader),
            (None, Some(server)) => Ok(Self::Server(server.into())),
            // The list of servers that a client talks to: a server has none.
            (None, None) if matches!(route, Route::Servers | Route::SetServers) => {
                Ok(Self::AnyClient)
            }
            (None, None) => Ok(Self::AnyServer),
        }
    }

    /// The query key that names the agent, where its value may have to be written out in full for the agent.
    #[must_use]
    pub const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Node(_) => Some("node_id"),
            Self::Server(_) => Some("server_id"),
            Self::AnyServer | Self::AnyClient | Self::Leader | Self::Allocation(_) => None,
        }
    }

    /// The text that was written, for messages.
    #[must_use]
    pub fn written(&self) -> Cow<'_, str> {
        match self {
            Self::AnyServer | Self::AnyClient => Cow::Borrowed(""),
            Self::Leader => Cow::Borrowed("leader"),
            Self::Server(name) => Cow::Borrowed(name),
            Self::Node(Written::Id(id)) => Cow::Borrowed(id.as_str()),
            Self::Allocation(Written::Id(id)) => Cow::Borrowed(id.as_str()),
            Self::Node(Written::Malformed { text, .. })
            | Self::Allocation(Written::Malformed { text, .. }) => Cow::Borrowed(text),
        }
    }
}

/// Nomad's own web page asks for a client's log by `client_id`, which its API never read: the page shows a server's log.
fn alias<'a>(route: &Route, query: &Query<'a>) -> Option<Cow<'a, str>> {
    if matches!(route, Route::Monitor) { query.filled("client_id") } else { None }
}

fn single(query: &Query<'_>) -> Result<(), QueryError> {
    match DECIDING.into_iter().find(|key| query.is_repeated(key)) {
        Some(key) => Err(QueryError::Repeated(key)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;

    const ID: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

    fn target(path: &str) -> Result<Target, QueryError> {
        let uri: Uri = path.parse().unwrap();
        Target::of(&Route::parse(&Method::GET, &uri).unwrap(), &Query::of(&uri))
    }

    #[test]
    fn a_call_names_its_agent() {
        for (path, expected) in [
            ("/v1/agent/self?node_id=&server_id=", Target::AnyServer),
            ("/v1/agent/self?server_id=leader", Target::Leader),
            ("/v1/agent/self?server_id=server1", Target::Server("server1".into())),
            ("/v1/agent/servers", Target::AnyClient),
            ("/v1/agent/monitor?client_id=9bb1", Target::Node("9bb1".into())),
            ("/v1/agent/monitor?client_id=9bb1&node_id=9bb2", Target::Node("9bb2".into())),
            ("/v1/agent/host?client_id=9bb1", Target::AnyServer),
            ("/v1/client/stats", Target::AnyServer),
            ("/v1/client/stats?node_id=9bb1", Target::Node("9bb1".into())),
            ("/v1/jobs?node_id=x&node_id=y", Target::AnyServer),
        ] {
            assert_eq!(target(path), Ok(expected), "{path}");
        }
        assert_eq!(target(&format!("/v1/client/fs/ls/{ID}")), Ok(Target::Allocation(ID.into())));
    }

    #[test]
    fn two_targets_are_one_too_many() {
        assert_eq!(
            target("/v1/agent/host?node_id=a&server_id=b"),
            Err(QueryError::BothHostTargets)
        );
        assert_eq!(target("/v1/agent/monitor?node_id=a&server_id=b"), Err(QueryError::BothTargets));
        assert_eq!(
            target("/v1/agent/monitor?node_id=a&server_id=b&log_level=x"),
            Err(QueryError::LogLevel("x".into()))
        );
        assert_eq!(
            target("/v1/agent/self?node_id=a&node_id=b"),
            Err(QueryError::Repeated("node_id"))
        );
        assert_eq!(target("/v1/agent/self?node_id=a&node_id=a"), Ok(Target::Node("a".into())));
    }
}
