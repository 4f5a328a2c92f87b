//! The agent: a service that answers admitted questions.

mod start;

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http::{HeaderMap, Response, Uri};
use nomad_acl::{Acl, Admitted, Ask, Known, RegionScope};
use nomad_wire::{Call, NodeId, Query, Route, SecretId, ServerId, query::LogLevel};
use tower_service::Service;
use tracing::{Dispatch, instrument::WithSubscriber as _};

pub use self::start::AgentBuilder;
pub(crate) use self::start::filter;
use crate::{
    alloc::{AllocSpec, Allocation, Allocations, StartError},
    body::{Body, OpenStreams},
    config::{AgentConfig, Shown},
    error::{AgentError, check_role},
    handle,
    log::LogHub,
    membership::{Member, Membership},
    metadata::Metadata,
    node::{Node, Sampler},
    node_identity::{Issuer, Keeper},
    received::RequestBody,
    reload::{Reloadable, Source},
    role::Role,
    schedulers::Schedulers,
    websocket::Sessions,
};

/// A reference agent. Cloning it gives another handle to the same one.
///
/// It answers whatever was admitted; [`Found`](crate::Found) and [`standalone`](crate::standalone)
/// bring requests that far.
#[derive(Clone)]
pub struct Agent {
    parts: Arc<Parts>,
}

struct Parts {
    config: AgentConfig,
    server: Option<ServerPart>,
    client: Option<ClientPart>,
    membership: Arc<dyn Membership>,
    node: Arc<dyn Node>,
    log: LogHub,
    dispatch: Dispatch,
    streams: OpenStreams,
    /// What is in force now, and what a reload changes.
    in_force: Mutex<Reloadable>,
    reload: Option<Source>,
    journal: PathBuf,
    sessions: Sessions,
}

struct ServerPart {
    id: ServerId,
    /// Who signs the identities of nodes.
    issuer: Arc<Issuer>,
    schedulers: Schedulers,
}

/// What only an agent with a client part has.
pub(crate) struct ClientPart {
    pub(crate) id: NodeId,
    pub(crate) sampler: Sampler,
    pub(crate) allocations: Arc<Allocations>,
    pub(crate) metadata: Arc<Metadata>,
    /// What other agents prove themselves with when they fetch the data of an allocation.
    pub(crate) secret: SecretId,
    /// Who the node is, in words that a server has signed.
    pub(crate) identity: Keeper,
}

/// A question as the handlers take it.
pub(crate) struct Asked<B> {
    pub(crate) acl: Acl,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// What a call that changes something says beside its query.
    pub(crate) body: B,
    /// The token of another agent, which is none of the ACL.
    pub(crate) migrate: Option<MigrateToken>,
}

/// The token with which another agent fetches the data of an allocation; see [`Standalone`](crate::Standalone).
#[derive(Debug, Clone)]
pub(crate) struct MigrateToken(pub(crate) SecretId);

impl<B> Asked<B> {
    pub(crate) fn query(&self) -> Query<'_> {
        Query::of(&self.uri)
    }
}

impl Agent {
    /// How an agent of this configuration is started.
    pub fn builder(config: AgentConfig) -> AgentBuilder {
        AgentBuilder::new(config)
    }

    /// The configuration it was started with.
    #[must_use]
    pub fn config(&self) -> &AgentConfig {
        &self.parts.config
    }

    /// Server, client or both.
    #[must_use]
    pub fn role(&self) -> Role {
        self.parts.config.role
    }

    /// The id of its client part.
    #[must_use]
    pub fn node_id(&self) -> Option<NodeId> {
        self.parts.client.as_ref().map(|client| client.id)
    }

    /// The id of its server part.
    #[must_use]
    pub fn server_id(&self) -> Option<ServerId> {
        self.parts.server.as_ref().map(|server| server.id)
    }

    /// The allocations of its client part.
    #[must_use]
    pub fn allocations(&self) -> Option<&Arc<Allocations>> {
        self.client().map(|client| &client.allocations)
    }

    /// Starts an allocation on its client part; what happens to its tasks is in this agent's log. End it, and all
    /// others, with [`Allocations::stop_all`] before the agent goes: dropping the agent kills them without asking.
    ///
    /// # Errors
    /// As [`Allocations::start`], or when the agent has no client part.
    pub fn run(&self, spec: AllocSpec) -> Result<Arc<Allocation>, StartError> {
        let allocations = self.allocations().ok_or(StartError::NoClient)?;
        tracing::dispatcher::with_default(self.dispatch(), || allocations.start(spec))
    }

    /// What it tells other servers of itself; for a roster, say.
    #[must_use]
    pub fn member(&self) -> Option<Member> {
        self.server_id().map(|id| Member::of(self.config(), id))
    }

    /// Its live log.
    #[must_use]
    pub fn log(&self) -> &LogHub {
        &self.parts.log
    }

    /// The subscriber under which whatever the agent does must run.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.parts.dispatch
    }

    /// How many streams it is serving now.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.parts.streams.now()
    }

    /// Takes over what can change while it runs. A configuration file that was read anew ends here.
    pub fn reload(&self, config: Reloadable) {
        self.log().set_level(filter(config.log_level));
        let mut in_force = self.parts.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = config.shown.or_else(|| in_force.shown.take());
        *in_force = Reloadable { log_level: config.log_level, shown };
    }

    /// Reads the configuration anew where [`AgentBuilder::reload_from`] says, and takes it over: what
    /// `PUT /v1/agent/reload` does, for SIGHUP. What cannot be read is logged, and changes nothing.
    pub async fn reread(&self) {
        handle::agent::reread(self).with_subscriber(self.dispatch().clone()).await;
    }

    /// The level that it writes at now.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        self.parts.in_force.lock().unwrap_or_else(PoisonError::into_inner).log_level
    }

    /// What `self` shows of settings that are not the agent's own.
    pub(crate) fn shown(&self) -> Shown {
        let in_force = self.parts.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.shown.clone().unwrap_or_default()
    }

    /// Where its configuration is read anew.
    pub(crate) fn source(&self) -> Option<&Source> {
        self.parts.reload.as_ref()
    }

    /// The program that reads the journal of the system.
    pub(crate) fn journal(&self) -> &Path {
        &self.parts.journal
    }

    pub(crate) fn schedulers(&self) -> Option<&Schedulers> {
        self.parts.server.as_ref().map(|server| &server.schedulers)
    }

    pub(crate) fn issuer(&self) -> Option<&Issuer> {
        self.parts.server.as_ref().map(|server| &*server.issuer)
    }

    pub(crate) fn membership(&self) -> &dyn Membership {
        &*self.parts.membership
    }

    pub(crate) fn node(&self) -> &Arc<dyn Node> {
        &self.parts.node
    }

    pub(crate) fn client(&self) -> Option<&ClientPart> {
        self.parts.client.as_ref()
    }

    /// RPC addresses of the servers that a client of this agent talks to.
    pub(crate) fn servers(&self) -> Vec<String> {
        self.membership().servers()
    }

    /// Its conversations over websockets.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.parts.sessions
    }

    /// A stream that is counted and logs as this agent; see [`Body::stream`].
    pub(crate) async fn stream<F>(
        &self,
        produce: impl FnOnce(crate::body::Chunks) -> F,
    ) -> Result<Body, AgentError>
    where
        F: Future<Output = Result<(), AgentError>> + Send + 'static,
    {
        let dispatch = self.dispatch().clone();
        Body::stream(&self.parts.streams, |chunks| produce(chunks).with_subscriber(dispatch)).await
    }

    /// Every call, and who answers it.
    async fn answer<B: RequestBody>(
        &self,
        call: Call,
        asked: Asked<B>,
    ) -> Result<Response<Body>, AgentError> {
        check_role(&call.route, self.role())?;
        match &call.route {
            Route::Members => handle::agent::members(self, &call, &asked.query()),
            Route::Servers => handle::agent::servers(self, &asked.query()),
            Route::SelfInfo => handle::agent::self_info(self, &asked.query()),
            Route::Health => handle::agent::health(self, &call, &asked.query()),
            Route::Host => handle::agent::host(self, &asked.acl, &call, &asked.uri).await,
            Route::Monitor => handle::agent::monitor(self, &call, &asked.uri).await,
            Route::ClientStats => handle::client::stats(self, &call, &asked.uri).await,
            Route::SetServers => handle::agent::set_servers(self, &asked.uri).await,
            Route::Join => handle::agent::join(self, &asked.acl, &asked.uri).await,
            Route::ForceLeave => handle::agent::force_leave(self, &asked.uri).await,
            Route::MonitorExport => handle::agent::export(self, &call, &asked.uri).await,
            Route::Pprof(name) => {
                handle::agent::pprof::answer(self, &asked.acl, name, &call, &asked.uri).await
            }
            Route::Schedulers => handle::agent::schedulers::list(self, &asked.query()),
            Route::SchedulersConfig => handle::agent::schedulers::config(self, &asked.query()),
            Route::SetSchedulersConfig => handle::agent::schedulers::set(self, asked).await,
            Route::Keyring(operation) => handle::agent::keyring(self, *operation, asked).await,
            Route::Reload => handle::agent::reload(self).await,
            Route::ClientGc => handle::client::gc(self, &call, &asked.uri).await,
            Route::Metadata => handle::client::metadata::show(self, &call, &asked.uri),
            Route::SetMetadata => handle::client::metadata::change(self, &call, asked).await,
            Route::Identity => handle::client::identity::show(self, &call, &asked.uri),
            Route::RenewIdentity => handle::client::identity::renew(self, &call, asked).await,
            Route::Fs(_, id) => handle::client::fs::answer(self, &call, id, &asked.uri).await,
            Route::Allocation(kind, id) => {
                call.common.clone()?;
                handle::client::allocation::answer(self, *kind, id, asked).await
            }
            Route::Pass => Err(handle::pass(&asked.uri, self.role())),
        }
    }
}

impl<Q> Service<Admitted<Q>> for Agent
where
    Q: Ask<Body: RequestBody>,
{
    type Response = Response<Body>;
    type Error = AgentError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, AgentError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AgentError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: Admitted<Q>) -> Self::Future {
        let agent = self.clone();
        let Known { call, acl, request } = question.into_question().into_known();
        // Whoever was admitted has rights here; those of another region would open nothing.
        let acl = acl.within(&RegionScope::Own).map_or_else(|_| Acl::deny_all(), Acl::clone);
        let (mut parts, body) = request.into_parts();
        let migrate = parts.extensions.remove();
        let asked = Asked { acl, uri: parts.uri, headers: parts.headers, body, migrate };
        let dispatch = self.dispatch().clone();
        Box::pin(async move { agent.answer(call, asked).await }.with_subscriber(dispatch))
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.config().name)
            .field("role", &self.role())
            .field("node_id", &self.node_id())
            .field("server_id", &self.server_id())
            .finish_non_exhaustive()
    }
}
