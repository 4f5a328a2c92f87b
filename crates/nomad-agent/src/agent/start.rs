//! Starts an agent.

use std::{
    error::Error,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use nomad_wire::query::LogLevel;
use tracing::{info, instrument::WithSubscriber as _, level_filters::LevelFilter};

use super::{Agent, ClientPart, Inner, ServerPart};
use crate::{
    alloc::{Allocations, create_base},
    body::OpenStreams,
    config::{AgentConfig, NOMAD_VERSION, VERSION_METADATA},
    host::{HostSampler, HostSource, SystemHost},
    ids::{self, AgentStartError},
    log::{FileSink, LineStyle, LogHub, LogSink, TeeSink},
    membership::{Membership, Roster},
    metadata::Metadata,
    node_identity::{IdentityRenewer, IdentityRequest, IdentitySources, Issuer, Signer},
    reload::{ConfigSource, ReloadableConfig},
    schedulers::{LeaderWatch, Schedulers},
    websocket::Sessions,
};

/// Starts an [`Agent`]. Defaults: an empty roster, the host it runs on, and a log that only monitors see.
#[must_use = "an agent runs only once it is started"]
pub struct AgentBuilder {
    config: AgentConfig,
    membership: Option<Arc<dyn Membership>>,
    host: Option<Arc<dyn HostSource>>,
    log_sink: Option<Arc<dyn LogSink>>,
    config_source: Option<ConfigSource>,
    journalctl: PathBuf,
}

impl AgentBuilder {
    pub(super) fn new(config: AgentConfig) -> Self {
        let journal = PathBuf::from("journalctl");
        Self {
            config,
            membership: None,
            host: None,
            log_sink: None,
            config_source: None,
            journalctl: journal,
        }
    }

    /// The agent's membership. A server does not join by itself: insert [`Agent::member`] into the roster.
    pub fn membership(mut self, membership: Arc<dyn Membership>) -> Self {
        self.membership = Some(membership);
        self
    }

    /// The host that the agent reports on.
    pub fn host(mut self, node: Arc<dyn HostSource>) -> Self {
        self.host = Some(node);
        self
    }

    /// Where log lines go besides monitors, down to the configured level.
    pub fn log_sink(mut self, sink: Arc<dyn LogSink>) -> Self {
        self.log_sink = Some(sink);
        self
    }

    /// Where the configuration is reloaded from on `PUT /v1/agent/reload`. Without it that call changes nothing. A
    /// configuration that cannot be read is logged, and nothing changes.
    pub fn reload_from<E>(
        mut self,
        read: impl Fn() -> Result<ReloadableConfig, E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.config_source = Some(ConfigSource::new(move || read().map_err(Into::into)));
        self
    }

    /// The program that reads the system journal; it takes the arguments of `journalctl`.
    pub fn journalctl(mut self, program: impl Into<PathBuf>) -> Self {
        self.journalctl = program.into();
        self
    }

    /// Starts the agent. Its background work ends when the last handle to it is dropped.
    ///
    /// A client with a data directory restores the allocations of the previous run: running tasks are started again
    /// in the same directory with their logs continued, and dead ones can be inspected as before.
    ///
    /// # Errors
    /// When an id cannot be read from or written to the data directory, when the log file cannot be opened, or when
    /// the scheduler configuration is invalid.
    pub async fn start(self) -> Result<Agent, AgentStartError> {
        let log = open_log(&self.config, self.log_sink)?;
        let dispatch = log.dispatch();
        let node = self.host.unwrap_or_else(|| Arc::new(SystemHost::new(alloc_dir(&self.config))));
        let membership = self.membership.unwrap_or_else(|| Arc::new(Roster::new()));
        let parts = async {
            let server = start_server(&self.config, &membership).await?;
            let sources = IdentitySources {
                local_issuer: server.as_ref().map(|server| Arc::clone(&server.issuer)),
                membership: Arc::clone(&membership),
                region: self.config.region.clone(),
                directory: self.config.data_dir.as_ref().map(|dir| dir.join("client")),
            };
            Ok::<_, AgentStartError>(Inner {
                server,
                client: start_client(&self.config, &node, sources).await?,
                reloadable: Mutex::new(
                    ReloadableConfig::new(self.config.log_level)
                        .with_external_settings(self.config.external_settings.clone()),
                ),
                config: self.config,
                membership,
                host: node,
                log,
                dispatch: dispatch.clone(),
                streams: OpenStreams::default(),
                config_source: self.config_source,
                journalctl: self.journalctl,
                sessions: Sessions::default(),
            })
        };
        let parts = parts.with_subscriber(dispatch.clone()).await?;
        tracing::dispatcher::with_default(&dispatch, || announce(&parts));
        Ok(Agent { inner: Arc::new(parts) })
    }
}

/// The log: read by monitors, and written to the sink and the file, if there are any.
fn open_log(
    config: &AgentConfig,
    sink: Option<Arc<dyn LogSink>>,
) -> Result<LogHub, AgentStartError> {
    let file = config.log_file.as_ref().map(|path| {
        let opened =
            FileSink::open(path, LineStyle::new().json(config.log_json)).map_err(|source| {
                AgentStartError::LogFile { path: path.to_string_lossy().into(), source }
            });
        opened.map(|file| Arc::new(file) as Arc<dyn LogSink>)
    });
    let sink = match (sink, file.transpose()?) {
        (Some(sink), Some(file)) => Some(Arc::new(TeeSink(sink, file)) as Arc<dyn LogSink>),
        (sink, file) => sink.or(file),
    };
    Ok(match sink {
        Some(sink) => LogHub::with_sink(&config.name, level_filter(config.log_level), sink),
        None => LogHub::new(&config.name),
    })
}

async fn start_server(
    config: &AgentConfig,
    membership: &Arc<dyn Membership>,
) -> Result<Option<ServerPart>, AgentStartError> {
    if !config.role.is_server() {
        return Ok(None);
    }
    let id = match &config.data_dir {
        Some(dir) => ids::load_or_create(&dir.join("server/node-id")).await?,
        None => ids::generate(),
    };
    config.schedulers.check()?;
    let leadership = LeaderWatch::new(Arc::clone(membership), &config.region);
    let schedulers = Schedulers::start(config.schedulers.clone(), leadership);
    let file = config.data_dir.as_ref().map(|dir| dir.join("server/identity-key"));
    let shown = file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let signer = Signer::load_or_create(file.as_deref())
        .map_err(|source| AgentStartError::Io { path: shown.unwrap_or_default().into(), source })?;
    let issuer = Arc::new(Issuer::new(signer, &config.region));
    Ok(Some(ServerPart { id, issuer, schedulers }))
}

async fn start_client(
    config: &AgentConfig,
    node: &Arc<dyn HostSource>,
    sources: IdentitySources,
) -> Result<Option<ClientPart>, AgentStartError> {
    if !config.role.is_client() {
        return Ok(None);
    }
    let directory = sources.directory.clone();
    let (id, secret) = match &directory {
        Some(directory) => (
            ids::load_or_create(&directory.join("client-id")).await?,
            ids::load_or_create_secret(&directory.join("secret-id")).await?,
        ),
        None => (ids::generate(), ids::generate_secret()),
    };
    let file = directory.as_ref().map(|directory| directory.join("metadata.json"));
    let shown = file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let metadata = Metadata::open(config.meta.clone(), file)
        .map_err(|source| AgentStartError::Io { path: shown.unwrap_or_default().into(), source })?;
    let base = alloc_dir(config);
    // `stats` shows the file system also when there is no allocation yet.
    create_base(&base)
        .map_err(|source| AgentStartError::Io { path: base.to_string_lossy().into(), source })?;
    let allocations = match directory {
        Some(directory) => Allocations::restore(base, directory.join("state")).await,
        None => Allocations::new(base),
    };
    let request = IdentityRequest::new(id, &config.datacenter, &secret);
    let request = request.ok_or(AgentStartError::SecretTooLong)?;
    Ok(Some(ClientPart {
        id,
        identity: IdentityRenewer::start(request, sources).await,
        sampler: HostSampler::start(Arc::clone(node)),
        allocations: Arc::new(allocations),
        metadata: Arc::new(metadata),
        secret,
    }))
}

/// The allocations' directory: as configured, below the data directory, or below the temporary directory.
fn alloc_dir(config: &AgentConfig) -> PathBuf {
    match (&config.alloc_dir, &config.data_dir) {
        (Some(dir), _) => dir.clone(),
        (None, Some(data)) => data.join("alloc"),
        (None, None) => std::env::temp_dir(),
    }
}

fn announce(parts: &Inner) {
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

/// The log's filter for this level.
pub(crate) const fn level_filter(level: LogLevel) -> LevelFilter {
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
