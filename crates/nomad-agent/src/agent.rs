//! The agent: a service that handles admitted requests.

mod start;

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http::{HeaderMap, Response, Uri};
use nomad_acl::{AccessRequest, Acl, Admitted, Identified, RegionScope};
use nomad_wire::{Call, NodeId, Query, Route, SecretId, ServerId, query::LogLevel};
use tower_service::Service;
use tracing::{Dispatch, instrument::WithSubscriber as _};

pub use self::start::AgentBuilder;
pub(crate) use self::start::level_filter;
use crate::{
    alloc::{AllocSpec, AllocStartError, Allocation, Allocations},
    body::{Body, OpenStreams},
    config::{AgentConfig, ExternalSettings},
    error::{AgentError, check_role},
    handlers,
    host::{HostSampler, HostSource},
    log::LogHub,
    membership::{Member, Membership},
    metadata::Metadata,
    node_identity::{IdentityRenewer, Issuer},
    reload::{ConfigSource, ReloadableConfig},
    request_body::RequestBody,
    role::Role,
    schedulers::Schedulers,
    websocket::Sessions,
};

/// A reference agent. Clones are handles to the same agent.
///
/// It handles requests that are admitted; [`LocalRequest`](crate::LocalRequest) and
/// [`standalone()`](fn@crate::standalone) bring requests that far.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    config: AgentConfig,
    server: Option<ServerPart>,
    client: Option<ClientPart>,
    membership: Arc<dyn Membership>,
    host: Arc<dyn HostSource>,
    log: LogHub,
    dispatch: Dispatch,
    streams: OpenStreams,
    /// The part of the configuration that a reload replaces.
    reloadable: Mutex<ReloadableConfig>,
    config_source: Option<ConfigSource>,
    journalctl: PathBuf,
    sessions: Sessions,
}

struct ServerPart {
    id: ServerId,
    /// Signs the identities of nodes.
    issuer: Arc<Issuer>,
    schedulers: Schedulers,
}

/// What only an agent with a client part has.
pub(crate) struct ClientPart {
    pub(crate) id: NodeId,
    pub(crate) sampler: HostSampler,
    pub(crate) allocations: Arc<Allocations>,
    pub(crate) metadata: Arc<Metadata>,
    /// The secret with which other agents authenticate when they fetch the data of an allocation.
    pub(crate) secret: SecretId,
    /// The node's identity, signed by a server.
    pub(crate) identity: IdentityRenewer,
}

/// A request as the handlers take it.
pub(crate) struct HandlerRequest<B> {
    pub(crate) acl: Acl,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// The request body, for calls that change something.
    pub(crate) body: B,
    /// The token of another agent; it is not an ACL token.
    pub(crate) migrate_token: Option<MigrateToken>,
}

/// The token with which another agent fetches the data of an allocation; see [`Standalone`](crate::Standalone).
#[derive(Debug, Clone)]
pub(crate) struct MigrateToken(pub(crate) SecretId);

impl<B> HandlerRequest<B> {
    pub(crate) fn query(&self) -> Query<'_> {
        Query::from_uri(&self.uri)
    }
}

impl Agent {
    /// A builder for an agent with this configuration.
    pub fn builder(config: AgentConfig) -> AgentBuilder {
        AgentBuilder::new(config)
    }

    /// The configuration the agent was started with.
    #[must_use]
    pub fn config(&self) -> &AgentConfig {
        &self.inner.config
    }

    /// Server, client or both.
    #[must_use]
    pub fn role(&self) -> Role {
        self.inner.config.role
    }

    /// The id of its client part.
    #[must_use]
    pub fn node_id(&self) -> Option<NodeId> {
        self.inner.client.as_ref().map(|client| client.id)
    }

    /// The id of its server part.
    #[must_use]
    pub fn server_id(&self) -> Option<ServerId> {
        self.inner.server.as_ref().map(|server| server.id)
    }

    /// The allocations of its client part.
    #[must_use]
    pub fn allocations(&self) -> Option<&Arc<Allocations>> {
        self.client().map(|client| &client.allocations)
    }

    /// Starts an allocation on the client part; its tasks' events go to this agent's log. Stop all allocations with
    /// [`Allocations::stop_all`] before the agent is dropped: dropping it kills them without warning.
    ///
    /// # Errors
    /// As [`Allocations::start`], or when the agent has no client part.
    pub fn run(&self, spec: AllocSpec) -> Result<Arc<Allocation>, AllocStartError> {
        let allocations = self.allocations().ok_or(AllocStartError::NoClient)?;
        tracing::dispatcher::with_default(self.dispatch(), || allocations.start(spec))
    }

    /// The agent as other servers see it, to insert it into a roster for example.
    #[must_use]
    pub fn member(&self) -> Option<Member> {
        self.server_id().map(|id| Member::from_config(self.config(), id))
    }

    /// Its live log.
    #[must_use]
    pub fn log(&self) -> &LogHub {
        &self.inner.log
    }

    /// The subscriber that must be active around all of the agent's work.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.inner.dispatch
    }

    /// Number of open streams.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.inner.streams.count()
    }

    /// Applies the reloadable part of the configuration.
    pub fn apply_config(&self, config: ReloadableConfig) {
        self.log().set_level(level_filter(config.log_level));
        let mut in_force = self.inner.reloadable.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = config.external_settings.or_else(|| in_force.external_settings.take());
        *in_force = ReloadableConfig { log_level: config.log_level, external_settings: shown };
    }

    /// Reloads the configuration from the source given to [`AgentBuilder::reload_from`], as `PUT /v1/agent/reload`
    /// does; meant for SIGHUP. A configuration that cannot be read is logged and changes nothing.
    pub async fn reload(&self) {
        handlers::agent::reload_config(self).with_subscriber(self.dispatch().clone()).await;
    }

    /// The current log level.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        self.inner.reloadable.lock().unwrap_or_else(PoisonError::into_inner).log_level
    }

    /// The external settings that `self` shows.
    pub(crate) fn external_settings(&self) -> ExternalSettings {
        let in_force = self.inner.reloadable.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.external_settings.clone().unwrap_or_default()
    }

    /// Where the configuration is reloaded from.
    pub(crate) fn config_source(&self) -> Option<&ConfigSource> {
        self.inner.config_source.as_ref()
    }

    /// The program that reads the system journal.
    pub(crate) fn journalctl(&self) -> &Path {
        &self.inner.journalctl
    }

    pub(crate) fn schedulers(&self) -> Option<&Schedulers> {
        self.inner.server.as_ref().map(|server| &server.schedulers)
    }

    pub(crate) fn issuer(&self) -> Option<&Issuer> {
        self.inner.server.as_ref().map(|server| &*server.issuer)
    }

    pub(crate) fn membership(&self) -> &dyn Membership {
        &*self.inner.membership
    }

    pub(crate) fn host(&self) -> &Arc<dyn HostSource> {
        &self.inner.host
    }

    pub(crate) fn client(&self) -> Option<&ClientPart> {
        self.inner.client.as_ref()
    }

    /// RPC addresses of the servers that a client of this agent uses.
    pub(crate) fn servers(&self) -> Vec<String> {
        self.membership().servers()
    }

    /// Its websocket sessions.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// A stream that is counted and logs as this agent; see [`Body::stream`].
    pub(crate) async fn stream<F>(
        &self,
        produce: impl FnOnce(crate::body::ChunkSender) -> F,
    ) -> Result<Body, AgentError>
    where
        F: Future<Output = Result<(), AgentError>> + Send + 'static,
    {
        let dispatch = self.dispatch().clone();
        Body::stream(&self.inner.streams, |chunks| produce(chunks).with_subscriber(dispatch)).await
    }

    /// Dispatches every route to its handler.
    async fn handle<B: RequestBody>(
        &self,
        call: Call,
        request: HandlerRequest<B>,
    ) -> Result<Response<Body>, AgentError> {
        check_role(&call.route, self.role())?;
        match &call.route {
            Route::Members => handlers::agent::members(self, &call, &request.query()),
            Route::Servers => handlers::agent::servers(self, &request.query()),
            Route::SelfInfo => handlers::agent::self_info(self, &request.query()),
            Route::Health => handlers::agent::health(self, &call, &request.query()),
            Route::Host => handlers::agent::host(self, &request.acl, &call, &request.uri).await,
            Route::Monitor => handlers::agent::monitor(self, &call, &request.uri).await,
            Route::ClientStats => handlers::client::stats(self, &call, &request.uri).await,
            Route::SetServers => handlers::agent::set_servers(self, &request.uri).await,
            Route::Join => handlers::agent::join(self, &request.acl, &request.uri).await,
            Route::ForceLeave => handlers::agent::force_leave(self, &request.uri).await,
            Route::MonitorExport => handlers::agent::export(self, &call, &request.uri).await,
            Route::Pprof(name) => {
                handlers::agent::pprof::handle(self, &request.acl, name, &call, &request.uri).await
            }
            Route::Schedulers => handlers::agent::schedulers::list(self, &request.query()),
            Route::SchedulersConfig => handlers::agent::schedulers::config(self, &request.query()),
            Route::SetSchedulersConfig => handlers::agent::schedulers::set(self, request).await,
            Route::Keyring(operation) => handlers::agent::keyring(self, *operation, request).await,
            Route::Reload => handlers::agent::reload(self).await,
            Route::ClientGc => handlers::client::gc(self, &call, &request.uri).await,
            Route::Metadata => handlers::client::metadata::show(self, &call, &request.uri),
            Route::SetMetadata => handlers::client::metadata::update(self, &call, request).await,
            Route::Identity => handlers::client::identity::show(self, &call, &request.uri),
            Route::RenewIdentity => handlers::client::identity::renew(self, &call, request).await,
            Route::Fs(_, id) => handlers::client::fs::handle(self, &call, id, &request.uri).await,
            Route::Allocation(kind, id) => {
                call.common.clone()?;
                handlers::client::allocation::handle(self, *kind, id, request).await
            }
            Route::Pass => Err(handlers::unknown_path(&request.uri, self.role())),
        }
    }
}

impl<Q> Service<Admitted<Q>> for Agent
where
    Q: AccessRequest<Body: RequestBody>,
{
    type Response = Response<Body>;
    type Error = AgentError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, AgentError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AgentError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, admitted: Admitted<Q>) -> Self::Future {
        let agent = self.clone();
        let Identified { call, acl, request } = admitted.into_inner().into_identified();
        // The request was admitted by the ACL of this region; that of another region grants nothing here.
        let acl = acl.for_region(&RegionScope::Own).map_or_else(|_| Acl::deny_all(), Acl::clone);
        let (mut parts, body) = request.into_parts();
        let migrate = parts.extensions.remove();
        let request = HandlerRequest {
            acl,
            uri: parts.uri,
            headers: parts.headers,
            body,
            migrate_token: migrate,
        };
        let dispatch = self.dispatch().clone();
        Box::pin(async move { agent.handle(call, request).await }.with_subscriber(dispatch))
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
