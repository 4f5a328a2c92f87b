//! `PUT /v1/agent/join`

use http::{Response, Uri};
use nomad_acl::{Acl, Decision, Requirement, Subject};
use nomad_wire::{Query, Route, agent::Join, query::JoinQuery};

use crate::{agent::Agent, body::Body, error::AgentError, membership::JoinOutcome, response};

/// Joining without the right to remove servers again is on its way out in Nomad.
const WARNING: &str =
    "anonymous server join is deprecated and will be removed in a future version of Nomad";

/// Contacts the servers at the addresses. It is 200 also when nobody was reached: the body says so.
pub(crate) async fn join(
    agent: &Agent,
    acl: &Acl,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let addresses: Vec<_> =
        JoinQuery::parse(&query)?.addresses.into_iter().map(Into::into).collect();
    // The join happens in any case; only the warning depends on the caller.
    let may_write = acl.allows(&Requirement::for_route(&Route::ForceLeave), &Subject::Agent);
    let warning = if matches!(may_write, Decision::Allow(_)) { "" } else { WARNING };
    let JoinOutcome { contacted, error } = agent.membership().join(&addresses).await;
    let answer = Join {
        num_joined: i64::try_from(contacted).unwrap_or(i64::MAX),
        error: error.unwrap_or_default(),
        warning: Some(warning.to_owned()),
        ..Join::default()
    };
    response::json(&answer, &query)
}
