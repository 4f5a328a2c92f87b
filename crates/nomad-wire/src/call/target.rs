//! Which agent a call names.

use std::borrow::Cow;

use crate::{
    AllocId, IdParam, NodeId, Query, QueryError, Route,
    query::MonitorQuery,
    spec::{Conflict, Scope, TargetKeys},
};

/// Whom a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new kind of target must show every match that has to learn it"
)]
pub enum Target {
    /// No agent is named: any server of the region.
    AnyServer,
    /// No agent is named, and servers cannot answer: any client of the region.
    AnyClient,
    /// No agent is named, and the call changes the one server that it reaches: the only one of the region.
    SoleServer,
    /// No agent is named, and the call changes the one client that it reaches: the only one of the region.
    SoleClient,
    /// `node_id`: a full id, an unambiguous prefix of one, or a node's name.
    Node(IdParam<NodeId>),
    /// `server_id=leader`
    Leader,
    /// `server_id`: a full name, a bare name, or a server's id.
    Server(Box<str>),
    /// The client that has this allocation.
    Allocation(IdParam<AllocId>),
}

impl Target {
    /// The keys that decide who is asked, or on whose behalf: two readers of a repeated one could take different values.
    pub const KEYS: [&str; 4] = ["node_id", "client_id", "server_id", "region"];

    /// Whom a call is for. Pure: nobody is asked whether the agent exists.
    ///
    /// `node_id` and `server_id` are read on every agent call, also where Nomad itself acts only on the agent that
    /// receives the call. An empty one counts as absent.
    ///
    /// # Errors
    /// [`QueryError::ConflictingTargets`] or [`QueryError::ConflictingHostTargets`] when a node and a server are named at once,
    /// [`QueryError::Repeated`] when a deciding key stands more than once with different values.
    pub fn from_call(route: &Route, query: &Query<'_>) -> Result<Self, QueryError> {
        if let Some(id) = route.allocation() {
            return check_not_repeated(query, &[REGION]).map(|()| Self::Allocation(id.clone()));
        }
        let spec = &route.spec().target;
        let (node, server) = match spec.keys {
            // What else they name decides nothing about who is asked.
            TargetKeys::None | TargetKeys::Allocation => {
                check_not_repeated(query, &[REGION])?;
                (None, None)
            }
            TargetKeys::Node => (check_routing_keys(query)?.non_empty("node_id"), None),
            TargetKeys::Agent => {
                (check_routing_keys(query)?.non_empty("node_id"), query.non_empty("server_id"))
            }
            TargetKeys::AgentOrPage => {
                let node = check_routing_keys(query)?
                    .non_empty("node_id")
                    .or_else(|| query.non_empty("client_id"));
                (node, query.non_empty("server_id"))
            }
        };
        match (node, server) {
            (Some(_), Some(_)) => Err(conflict(spec.conflict, query)),
            (Some(node), None) => Ok(Self::Node(IdParam::from(&*node))),
            (None, Some(server)) if server == "leader" => Ok(Self::Leader),
            (None, Some(server)) => Ok(Self::Server(server.into())),
            (None, None) => Ok(Self::default_for(spec.scope)),
        }
    }

    const fn default_for(scope: Scope) -> Self {
        match scope {
            Scope::AnyServer | Scope::Allocation => Self::AnyServer,
            Scope::AnyClient => Self::AnyClient,
            Scope::SoleServer => Self::SoleServer,
            Scope::SoleClient => Self::SoleClient,
        }
    }

    /// Whether the call names an agent, or an allocation.
    #[must_use]
    pub const fn is_explicit(&self) -> bool {
        match self {
            Self::AnyServer | Self::AnyClient | Self::SoleServer | Self::SoleClient => false,
            Self::Node(_) | Self::Leader | Self::Server(_) | Self::Allocation(_) => true,
        }
    }

    /// The query key that names the agent, where its value may have to be written out in full for the agent.
    #[must_use]
    pub const fn query_key(&self) -> Option<&'static str> {
        match self {
            Self::Node(_) => Some("node_id"),
            Self::Server(_) => Some("server_id"),
            Self::AnyServer
            | Self::AnyClient
            | Self::SoleServer
            | Self::SoleClient
            | Self::Leader
            | Self::Allocation(_) => None,
        }
    }

    /// The text that was written, for messages.
    #[must_use]
    pub fn as_written(&self) -> Cow<'_, str> {
        match self {
            Self::AnyServer | Self::AnyClient | Self::SoleServer | Self::SoleClient => {
                Cow::Borrowed("")
            }
            Self::Leader => Cow::Borrowed("leader"),
            Self::Server(name) => Cow::Borrowed(name),
            Self::Node(IdParam::Valid(id)) => Cow::Borrowed(id.as_str()),
            Self::Allocation(IdParam::Valid(id)) => Cow::Borrowed(id.as_str()),
            Self::Node(IdParam::Malformed { text, .. })
            | Self::Allocation(IdParam::Malformed { text, .. }) => Cow::Borrowed(text),
        }
    }
}

/// What Nomad says of a node and a server that are named at once.
fn conflict(order: Conflict, query: &Query<'_>) -> QueryError {
    match order {
        Conflict::First => QueryError::ConflictingTargets,
        // A bad level or flag is complained about first.
        Conflict::AfterQuery => {
            MonitorQuery::parse(query).err().unwrap_or(QueryError::ConflictingTargets)
        }
        Conflict::AfterRights => QueryError::ConflictingHostTargets,
    }
}

/// The query, where each deciding key stands once.
fn check_routing_keys<'a, 'q>(query: &'a Query<'q>) -> Result<&'a Query<'q>, QueryError> {
    check_not_repeated(query, &Target::KEYS).map(|()| query)
}

/// A region decides with whose rights a call is decided, on every route.
const REGION: &str = "region";

fn check_not_repeated(query: &Query<'_>, keys: &[&'static str]) -> Result<(), QueryError> {
    match keys.iter().find(|key| query.is_repeated(key)) {
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
        target_of(&Method::GET, path)
    }

    fn target_of(method: &Method, path: &str) -> Result<Target, QueryError> {
        let uri: Uri = path.parse().unwrap();
        Target::from_call(&Route::parse(method, &uri).unwrap(), &Query::from_uri(&uri))
    }

    #[test]
    fn a_change_that_names_no_agent_goes_to_the_only_one_unless_it_changes_all() {
        for (method, path, expected) in [
            (Method::PUT, "/v1/agent/servers?address=a", Target::SoleClient),
            (Method::PUT, "/v1/agent/reload", Target::SoleServer),
            (Method::PUT, "/v1/agent/schedulers/config", Target::SoleServer),
            (Method::GET, "/v1/client/gc", Target::SoleServer),
            (Method::POST, "/v1/client/metadata", Target::SoleServer),
            (Method::PUT, "/v1/client/identity/renew", Target::SoleServer),
            (Method::PUT, "/v1/agent/join?address=a", Target::AnyServer),
            (Method::PUT, "/v1/agent/force-leave?node=a", Target::AnyServer),
            (Method::PUT, "/v1/agent/keyring/use", Target::AnyServer),
            (Method::PUT, "/v1/agent/servers?node_id=9bb1", Target::Node("9bb1".into())),
        ] {
            assert_eq!(target_of(&method, path), Ok(expected), "{path}");
        }
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
    fn two_regions_are_one_too_many_on_every_route() {
        for path in [
            "/v1/jobs",
            "/v1/metrics",
            "/v1/event/stream",
            "/v1/agent/self",
            "/v1/client/stats",
            &format!("/v1/client/fs/ls/{ID}"),
            &format!("/v1/client/allocation/{ID}/stats"),
        ] {
            let two = target(&format!("{path}?region=global&x=y&region=east"));
            assert_eq!(two, Err(QueryError::Repeated("region")), "{path}");
            assert!(target(&format!("{path}?region=east&region=east")).is_ok(), "{path}");
        }
    }

    #[test]
    fn two_targets_are_one_too_many() {
        assert_eq!(
            target("/v1/agent/host?node_id=a&server_id=b"),
            Err(QueryError::ConflictingHostTargets)
        );
        assert_eq!(
            target("/v1/agent/monitor?node_id=a&server_id=b"),
            Err(QueryError::ConflictingTargets)
        );
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
