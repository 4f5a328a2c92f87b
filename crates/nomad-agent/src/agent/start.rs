//! How an agent comes to life.

use std::{
    error::Error,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use nomad_wire::query::LogLevel;
use tracing::{info, instrument::WithSubscriber as _, level_filters::LevelFilter};

use super::{Agent, ClientPart, Parts, ServerPart};
use crate::{
    alloc::{Allocations, prepare},
    body::OpenStreams,
    config::{AgentConfig, NOMAD_VERSION, VERSION_METADATA},
    identity::{self, IdentityError},
    log::{LineStyle, LogFile, LogHub, LogOutlet, Tee},
    membership::{Membership, Roster},
    metadata::Metadata,
    node::{HostNode, Node, Sampler},
    node_identity::{IdentityRequest, Issuer, Keeper, Signer, Sources},
    reload::{Reloadable, Source},
    schedulers::{Leadership, Schedulers},
    websocket::Sessions,
};

/// Starts an [`Agent`]; what is not given is the agent's own: a roster with nobody in it, the host
/// it runs on, a log that only monitors see.
#[must_use = "an agent lives once it is started"]
pub struct AgentBuilder {
    config: AgentConfig,
    membership: Option<Arc<dyn Membership>>,
    node: Option<Arc<dyn Node>>,
    outlet: Option<Arc<dyn LogOutlet>>,
    reload: Option<Source>,
    journal: PathBuf,
}

impl AgentBuilder {
    pub(super) fn new(config: AgentConfig) -> Self {
        let journal = PathBuf::from("journalctl");
        Self { config, membership: None, node: None, outlet: None, reload: None, journal }
    }

    /// Whom the agent knows. A server does not join by itself: give [`Agent::member`] to the
    /// roster.
    pub fn membership(mut self, membership: Arc<dyn Membership>) -> Self {
        self.membership = Some(membership);
        self
    }

    /// The host that the agent answers for.
    pub fn node(mut self, node: Arc<dyn Node>) -> Self {
        self.node = Some(node);
        self
    }

    /// Where log lines go besides monitors, down to the configured level.
    pub fn outlet(mut self, outlet: Arc<dyn LogOutlet>) -> Self {
        self.outlet = Some(outlet);
        self
    }

    /// Where the configuration is read anew when a caller asks for it (`PUT /v1/agent/reload`). Without it that
    /// changes nothing. What the reader cannot read is logged, and everything stays as it is.
    pub fn reload_from<E>(
        mut self,
        read: impl Fn() -> Result<Reloadable, E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.reload = Some(Source::new(move || read().map_err(Into::into)));
        self
    }

    /// The program that reads the journal of the system, with the arguments of `journalctl`.
    pub fn journal(mut self, program: impl Into<PathBuf>) -> Self {
        self.journal = program.into();
        self
    }

    /// Starts the agent. Its background work ends when the last handle to it is dropped.
    ///
    /// A client with a data directory brings back the allocations of its earlier life: what ran is started again, in
    /// the same directory and with its log going on, and what was dead can be inspected as before.
    ///
    /// # Errors
    /// When an id cannot be read from or kept in the data directory, when the log file cannot be written, or when
    /// there are no such schedulers.
    pub async fn start(self) -> Result<Agent, IdentityError> {
        let log = log_hub(&self.config, self.outlet)?;
        let dispatch = log.dispatch();
        let node = self.node.unwrap_or_else(|| Arc::new(HostNode::new(alloc_dir(&self.config))));
        let membership = self.membership.unwrap_or_else(|| Arc::new(Roster::new()));
        let parts = async {
            let server = server_part(&self.config, &membership).await?;
            let sources = Sources {
                own: server.as_ref().map(|server| Arc::clone(&server.issuer)),
                membership: Arc::clone(&membership),
                region: self.config.region.clone(),
                home: self.config.data_dir.as_ref().map(|dir| dir.join("client")),
            };
            Ok::<_, IdentityError>(Parts {
                server,
                client: client_part(&self.config, &node, sources).await?,
                in_force: Mutex::new(
                    Reloadable::new(self.config.log_level).showing(self.config.shown.clone()),
                ),
                config: self.config,
                membership,
                node,
                log,
                dispatch: dispatch.clone(),
                streams: OpenStreams::default(),
                reload: self.reload,
                journal: self.journal,
                sessions: Sessions::default(),
            })
        };
        let parts = parts.with_subscriber(dispatch.clone()).await?;
        tracing::dispatcher::with_default(&dispatch, || announce(&parts));
        Ok(Agent { parts: Arc::new(parts) })
    }
}

/// The log: seen by monitors, and written to the outlet and the file, if there are any.
fn log_hub(
    config: &AgentConfig,
    outlet: Option<Arc<dyn LogOutlet>>,
) -> Result<LogHub, IdentityError> {
    let file = config.log_file.as_ref().map(|path| {
        let opened =
            LogFile::open(path, LineStyle::new().json(config.log_json)).map_err(|source| {
                IdentityError::LogFile { path: path.to_string_lossy().into(), source }
            });
        opened.map(|file| Arc::new(file) as Arc<dyn LogOutlet>)
    });
    let outlet = match (outlet, file.transpose()?) {
        (Some(outlet), Some(file)) => Some(Arc::new(Tee(outlet, file)) as Arc<dyn LogOutlet>),
        (outlet, file) => outlet.or(file),
    };
    Ok(match outlet {
        Some(outlet) => LogHub::with_outlet(&config.name, filter(config.log_level), outlet),
        None => LogHub::new(&config.name),
    })
}

async fn server_part(
    config: &AgentConfig,
    membership: &Arc<dyn Membership>,
) -> Result<Option<ServerPart>, IdentityError> {
    if !config.role.is_server() {
        return Ok(None);
    }
    let id = match &config.data_dir {
        Some(dir) => identity::kept(&dir.join("server/node-id")).await?,
        None => identity::fresh(),
    };
    config.schedulers.check()?;
    let leadership = Leadership::of(Arc::clone(membership), &config.region);
    let schedulers = Schedulers::start(config.schedulers.clone(), leadership);
    let file = config.data_dir.as_ref().map(|dir| dir.join("server/identity-key"));
    let shown = file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let signer = Signer::kept(file.as_deref())
        .map_err(|source| IdentityError::Io { path: shown.unwrap_or_default().into(), source })?;
    let issuer = Arc::new(Issuer::new(signer, &config.region));
    Ok(Some(ServerPart { id, issuer, schedulers }))
}

async fn client_part(
    config: &AgentConfig,
    node: &Arc<dyn Node>,
    sources: Sources,
) -> Result<Option<ClientPart>, IdentityError> {
    if !config.role.is_client() {
        return Ok(None);
    }
    let home = sources.home.clone();
    let (id, secret) = match &home {
        Some(home) => (
            identity::kept(&home.join("client-id")).await?,
            identity::kept_secret(&home.join("secret-id")).await?,
        ),
        None => (identity::fresh(), identity::fresh_secret()),
    };
    let file = home.as_ref().map(|home| home.join("metadata.json"));
    let shown = file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let metadata = Metadata::open(config.meta.clone(), file)
        .map_err(|source| IdentityError::Io { path: shown.unwrap_or_default().into(), source })?;
    let base = alloc_dir(config);
    // Also without any allocation its file system has figures, which `stats` shows.
    prepare(&base)
        .map_err(|source| IdentityError::Io { path: base.to_string_lossy().into(), source })?;
    let allocations = match home {
        Some(home) => Allocations::restored(base, home.join("state")).await,
        None => Allocations::new(base),
    };
    let request = IdentityRequest::of(id, &config.datacenter, &secret);
    let request = request.ok_or(IdentityError::Secret)?;
    Ok(Some(ClientPart {
        id,
        identity: Keeper::start(request, sources).await,
        sampler: Sampler::start(Arc::clone(node)),
        allocations: Arc::new(allocations),
        metadata: Arc::new(metadata),
        secret,
    }))
}

/// Where allocations live: as configured, below the data directory, or with the temporary files.
fn alloc_dir(config: &AgentConfig) -> PathBuf {
    match (&config.alloc_dir, &config.data_dir) {
        (Some(dir), _) => dir.clone(),
        (None, Some(data)) => data.join("alloc"),
        (None, None) => std::env::temp_dir(),
    }
}

fn announce(parts: &Parts) {
    let config = &parts.config;
    info!(
        target: "agent",
        name = config.name,
        region = config.region,
        version = format!("{NOMAD_VERSION}+{VERSION_METADATA}"),
        "reference agent started"
    );
    if let Some(server) = &parts.server {
        info!(target: "nomad", server_id = %server.id, serf = config.serf_name(), "server ready");
    }
    if let Some(client) = &parts.client {
        info!(target: "client", node_id = %client.id, "client ready");
    }
}

/// The same level in the words of the log.
pub(crate) const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Off => LevelFilter::OFF,
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
