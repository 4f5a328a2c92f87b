//! `PUT /v1/agent/join`

use http::{Response, Uri};
use nomad_acl::{Acl, Decision, Requirement, Subject};
use nomad_wire::{Query, Route, agent::Join, query::JoinQuery};

use crate::{agent::Agent, body::Body, error::AgentError, membership::JoinOutcome, response};

/// Nomad is about to require the capability to remove servers also for joining.
const WARNING: &str =
    "anonymous server join is deprecated and will be removed in a future version of Nomad";

/// Contacts the servers at the addresses. The status is 200 also when none was reached: the body reports it.
pub(crate) async fn join(
    agent: &Agent,
    acl: &Acl,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let addresses: Vec<_> =
        JoinQuery::parse(&query)?.addresses.into_iter().map(Into::into).collect();
    // The join happens in any case; only the warning depends on the ACL.
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
