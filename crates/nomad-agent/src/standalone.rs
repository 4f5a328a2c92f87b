//! The standalone agent: finds the subject of a request, and is the service that brings requests to the agent.
//!
//! ```text
//!  http::Request ─ IDENTIFY ─ FIND_SUBJECT ─ ADMIT ─ Agent ─ http::Response
//! ```
//!
//! FIND_SUBJECT looks up the subject: the namespace of an allocation is the one that the node itself holds,
//! whatever the query says.

mod compress;
mod cors;
mod migrate_token;
mod request_log;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use nomad_acl::{
    AccessRequest, Admit, Destination, Identified, Identify, IdentifyError, RegionScope, Subject,
    Tokens,
};
use nomad_wire::{
    AllocRoute, Call, HttpError, Query, Route, query::SetServersQuery, spec::Requires,
};
use tower_service::Service;
use tracing::instrument::WithSubscriber as _;

use self::cors::Cors;
pub(crate) use self::request_log::RequestLog;
use crate::{
    agent::Agent,
    body::Body,
    error::{AgentError, WrongRole, check_role},
    handlers::{
        agent::{check_export, pprof},
        client::{allocation, fs},
    },
    request_body::RequestBody,
    websocket,
};

/// An identified request with the subject that the agent looked up.
#[derive(Debug)]
pub struct LocalRequest<B> {
    identified: Identified<B>,
    subject: Subject,
}

impl<B> AccessRequest for LocalRequest<B> {
    type Body = B;

    fn identified(&self) -> &Identified<B> {
        &self.identified
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn destination(&self) -> Destination<'_> {
        Destination::Agent(&RegionScope::Own)
    }

    fn into_identified(self) -> Identified<B> {
        self.identified
    }
}

/// The whole service of one agent; see [`standalone()`].
#[derive(Debug, Clone)]
pub struct Standalone<T> {
    agent: Agent,
    inner: Identify<FindSubject, T>,
}

/// Serves one agent on its own: takes a request as it came from the socket, and returns the response.
///
/// `tokens` resolves tokens to ACLs; [`AclDisabled`](nomad_acl::AclDisabled) allows everything to every client.
pub fn standalone<T: Tokens>(agent: Agent, tokens: T) -> Standalone<T> {
    let find = FindSubject { admit: Admit::new(agent.clone()), agent: agent.clone() };
    Standalone { agent, inner: Identify::new(find, tokens) }
}

impl<T, B> Service<Request<B>> for Standalone<T>
where
    T: Tokens + Clone + Send + 'static,
    B: RequestBody,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let packing = compress::negotiate(request.headers_mut());
        remove_health_token(&mut request);
        if let Some(rules) = Cors::preflight(&request) {
            return Box::pin(std::future::ready(Ok(compress::apply(packing, rules))));
        }
        let cors = Cors::from_request(&request);
        let completion = RequestLog::new(&request, self.agent.dispatch().clone());
        let agent = self.agent.clone();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        if websocket::is_exec_upgrade(&request) {
            let joined = websocket::accept(self.inner.clone(), &self.agent, request, completion);
            let answer = joined.unwrap_or_else(HttpError::into_response);
            return Box::pin(std::future::ready(Ok(answer)));
        }
        let answer = self.inner.call(migrate_token::extract_migrate_token(request));
        let dispatch = self.agent.dispatch().clone();
        let answer = async move {
            let mut response = match answer.await {
                Ok(response) => response,
                Err(error) => {
                    let fault = match (error, Call::parse(&method, &uri)) {
                        // Nomad reports an unknown path or a wrong method before it looks at the token.
                        (AgentError::Identify(IdentifyError::Tokens(error)), Ok(call)) => {
                            let earlier = check(&agent, &call, &uri).err();
                            earlier.unwrap_or_else(|| IdentifyError::Tokens(error).into())
                        }
                        (error, _) => error.prefer_role_error(agent.role()),
                    };
                    let fault = fault.into_http_error();
                    completion.log_failure(&fault);
                    fault.into_response()
                }
            };
            if let Some(cors) = cors {
                cors.apply(response.headers_mut());
            }
            add_configured_headers(&agent.config().response_headers, &mut response);
            if response.body().is_stream() {
                response = response.map(|body| body.with_guard(completion));
            }
            Ok(compress::apply(packing, response))
        };
        Box::pin(answer.with_subscriber(dispatch))
    }
}

/// `health` is open to every client, also to one whose token has become invalid. Nomad ignores the token there.
fn remove_health_token<B>(request: &mut Request<B>) {
    if Route::decoded_path(request.uri()) == "/v1/agent/health" {
        request.headers_mut().remove(nomad_wire::header::X_NOMAD_TOKEN);
        request.headers_mut().remove(header::AUTHORIZATION);
    }
}

/// Adds the configured headers to a response, unless the call has set them itself. The response of an unknown path
/// and a redirect do not come from a call: Nomad adds no such headers there.
fn add_configured_headers(configured: &HeaderMap, response: &mut Response<Body>) {
    let is_nobodys = response.status() == StatusCode::NOT_FOUND
        && http_body::Body::is_end_stream(response.body());
    if is_nobodys || response.status().is_redirection() {
        return;
    }
    let headers = response.headers_mut();
    for (name, value) in configured {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
}

/// Looks up the subject, and reports the errors that Nomad reports before it looks at the token.
#[derive(Debug, Clone)]
pub(crate) struct FindSubject {
    agent: Agent,
    admit: Admit<Agent>,
}

impl<B: RequestBody> Service<Identified<B>> for FindSubject {
    type Response = Response<Body>;
    type Error = AgentError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, AgentError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AgentError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, identified: Identified<B>) -> Self::Future {
        if let Err(error) = check(&self.agent, &identified.call, identified.request.uri()) {
            return Box::pin(std::future::ready(Err(error)));
        }
        match subject(&self.agent, &identified.call.route) {
            Ok(subject) => Box::pin(self.admit.call(LocalRequest { identified, subject })),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Errors that are reported before authorization.
fn check(agent: &Agent, call: &Call, uri: &Uri) -> Result<(), AgentError> {
    check_role(&call.route, agent.role())?;
    match &call.route {
        Route::Fs(..) | Route::Monitor => drop(fs::check(call)?),
        // With `exec` disabled, no client learns whether the allocation is here.
        Route::Allocation(AllocRoute::Exec, _) => allocation::check_exec(agent)?,
        Route::MonitorExport => drop(check_export(call)?),
        Route::Pprof(name) => drop(pprof::check(name, call)?),
        Route::Members => drop(call.common.clone()?),
        Route::SetServers => drop(SetServersQuery::parse(&Query::from_uri(uri))?),
        Route::ClientStats => {
            if agent.client().is_none() && Query::from_uri(uri).non_empty("node_id").is_none() {
                return Err(AgentError::WrongRole(WrongRole::NoLocalNode));
            }
        }
        Route::Servers
        | Route::SelfInfo
        | Route::Join
        | Route::ForceLeave
        | Route::Health
        | Route::Host
        | Route::Schedulers
        | Route::SchedulersConfig
        | Route::SetSchedulersConfig
        | Route::Keyring(_)
        | Route::Reload
        | Route::ClientGc
        | Route::Metadata
        | Route::SetMetadata
        | Route::Identity
        | Route::RenewIdentity
        | Route::Allocation(
            AllocRoute::Stats
            | AllocRoute::Checks
            | AllocRoute::Restart
            | AllocRoute::Signal
            | AllocRoute::Gc
            | AllocRoute::Pause
            | AllocRoute::SetPause
            | AllocRoute::Snapshot,
            _,
        )
        | Route::Pass => {}
    }
    Ok(())
}

/// The subject of a call. An unknown allocation is reported before authorization.
fn subject(agent: &Agent, route: &Route) -> Result<Subject, AgentError> {
    let Some(id) = route.allocation() else { return Ok(Subject::Agent) };
    // Another agent must authenticate before it learns whether the allocation is here.
    if route.spec().requires == Requires::MigrateToken {
        return Ok(Subject::Agent);
    }
    let allocation = allocation::find_allocation(agent, id)?;
    Ok(Subject::Namespace(allocation.namespace().clone()))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::{AgentConfig, AllocSpec, Role};

    #[tokio::test]
    async fn a_call_on_an_allocation_is_about_the_namespace_of_that_allocation() {
        let dir = tempfile::tempdir().unwrap();
        let alloc_dir = Some(dir.path().to_owned());
        let config = AgentConfig { alloc_dir, ..AgentConfig::new("client1", Role::Client) };
        let agent = Agent::builder(config).start().await.unwrap();
        let id = "13651909-dd6d-35ce-5da0-5004769668b3";
        let spec = AllocSpec {
            id: id.parse().unwrap(),
            namespace: "apps".into(),
            job: "site".to_owned(),
            group: "front".to_owned(),
            tasks: Vec::new(),
        };
        agent.run(spec).unwrap();
        let fs =
            ["ls", "stat", "cat", "readat", "stream", "logs"].map(|call| format!("fs/{call}/{id}"));
        let alloc = ["stats", "restart", "gc"].map(|call| format!("allocation/{id}/{call}"));
        for call in fs.iter().chain(&alloc) {
            let uri = format!("/v1/client/{call}?namespace=other").parse().unwrap();
            let route = Route::parse(&Method::GET, &uri).unwrap();
            let subject = subject(&agent, &route).unwrap();
            assert_eq!(subject, Subject::Namespace("apps".into()), "{call}");
        }
        assert_eq!(subject(&agent, &Route::ClientStats).unwrap(), Subject::Agent);
    }
}
