//! The gateway: builds the stack and serves it on its listeners.

use std::sync::Arc;

use futures_util::future::join_all;
use nomad_acl::Tokens;
use nomad_forward::{
    CoalescedRequests, ConnectionLimits, DenialDetail, Directory, StackLimits, TcpConnect,
    Transport, Tunnels, Upgrade, authorized_stack, connect::Connect, upstream_stack,
};

use crate::{
    Shutdown,
    proxy::{
        admin::{Admin, AdminState},
        client_address::{ClientAddress, ClientLimit, TrustedProxies},
        cors::{Cors, Origins},
        invalid_head::InvalidHead,
        json_errors::JsonErrors,
        pending_limit::PendingLimit,
        request_id::RequestId,
        rewrite::{HttpAddrMode, Rewrite},
        streams::{MonitorFanout, Resume, SharedMonitors},
    },
    server::listener::Listener,
    telemetry::{AccessLog, Metrics, Telemetry},
};

/// A gateway, ready to serve.
#[derive(Debug, Clone)]
pub struct Gateway<D, T, C = TcpConnect> {
    connect: C,
    directory: D,
    tokens: T,
    denial_detail: DenialDetail,
    limits: StackLimits,
    http_addr_mode: HttpAddrMode,
    origins: Option<Origins>,
    tunnels: Tunnels,
    metrics: Arc<Metrics>,
    access_log: Option<AccessLog>,
    trusted: TrustedProxies,
    per_client_limit: usize,
}

impl<D, T> Gateway<D, T> {
    /// A gateway in front of the agents that `directory` knows, for the callers that `tokens` knows.
    pub fn new(directory: D, tokens: T) -> Self {
        Self {
            connect: TcpConnect,
            directory,
            tokens,
            denial_detail: DenialDetail::Silent,
            limits: StackLimits::default(),
            http_addr_mode: HttpAddrMode::Off,
            origins: None,
            tunnels: Tunnels::default(),
            metrics: Arc::default(),
            access_log: None,
            trusted: TrustedProxies::default(),
            per_client_limit: 0,
        }
    }
}

impl<D, T, C> Gateway<D, T, C>
where
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens + Clone + Send + 'static,
    C: Connect,
{
    /// Reaches agents in another way than by plain TCP.
    pub fn connect<N: Connect>(self, connect: N) -> Gateway<D, T, N> {
        let Self {
            directory,
            tokens,
            denial_detail: denials,
            limits: bounds,
            http_addr_mode: address,
            origins,
            ..
        } = self;
        let Self { tunnels, metrics, access_log: log, trusted, per_client_limit, .. } = self;
        Gateway {
            connect,
            directory,
            tokens,
            denial_detail: denials,
            limits: bounds,
            http_addr_mode: address,
            origins,
            tunnels,
            metrics,
            access_log: log,
            trusted,
            per_client_limit,
        }
    }

    /// Says how much a caller is told who may not.
    #[must_use]
    pub const fn denial_detail(mut self, denials: DenialDetail) -> Self {
        self.denial_detail = denials;
        self
    }

    /// Says how many connections one agent gets at most.
    #[must_use]
    pub const fn connection_limits(mut self, budget: ConnectionLimits) -> Self {
        self.limits.connection_limits = budget;
        self
    }

    /// The requests that callers share, to be counted, bounded otherwise, or turned off.
    #[must_use]
    pub fn coalesced_requests(mut self, shares: CoalescedRequests) -> Self {
        self.limits.coalesced_requests = shares;
        self
    }

    /// Says what becomes of a node's address in answers about it.
    #[must_use]
    pub const fn http_addr_mode(mut self, address: HttpAddrMode) -> Self {
        self.http_addr_mode = address;
        self
    }

    /// Answers pages of other sites itself; without it what agents say to them passes.
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = Some(origins);
        self
    }

    /// The websockets through it, to be counted or bounded otherwise.
    #[must_use]
    pub fn tunnels(mut self, tunnels: Tunnels) -> Self {
        self.tunnels = tunnels;
        self
    }

    /// The numbers that are shown at `/v1/gateway/metrics`, so that others can show theirs there too.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Writes a line for every request.
    #[must_use]
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Believes these proxies whom they forward for.
    #[must_use]
    pub fn trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.trusted = trusted;
        self
    }

    /// Lets one client behind trusted proxies have only so many requests in flight; any number if 0.
    #[must_use]
    pub const fn per_client_limit(mut self, requests: usize) -> Self {
        self.per_client_limit = requests;
        self
    }

    /// Serves until the end is announced and no answer and no websocket is left.
    pub async fn serve(self, listener: Listener, stop: Shutdown) {
        self.serve_all(vec![listener], stop).await;
    }

    /// The same at several addresses.
    pub async fn serve_all(self, listeners: Vec<Listener>, stop: Shutdown) {
        let Self {
            connect,
            directory,
            tokens,
            denial_detail: denials,
            limits: bounds,
            http_addr_mode: address,
            ..
        } = self;
        let Self { origins, tunnels, metrics, access_log: log, trusted, per_client_limit, .. } =
            self;
        // All its listeners speak alike.
        let speaks = listeners.first().map_or(Transport::Plain, Listener::transport);
        let about = AdminState {
            directory: directory.clone(),
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
        };
        if let Some(log) = &log {
            metrics.register_access_log(log.clone());
        }
        if let Some(handshakes) = listeners.first().and_then(Listener::handshakes) {
            metrics.show_handshakes(handshakes.clone());
        }
        metrics.register_tunnels(tunnels.clone());
        metrics.register_coalesced(bounds.coalesced_requests.clone());
        let monitors = SharedMonitors::default();
        metrics.register_monitors(monitors.clone());
        let chain = upstream_stack(connect, directory.clone(), bounds);
        // Behind the decision, so that nobody shares what they may not see.
        let chain = MonitorFanout::new(chain, monitors);
        let chain = authorized_stack(chain, directory, tokens.clone(), denials);
        // What a caller asks for that Nomad has no words for; its own questions go through the chain too.
        let chain = Resume::new(chain);
        let chain = Rewrite::new(chain, address, speaks);
        // Around both, since a page asks for what they change over a websocket, too.
        let chain = Upgrade::new(chain, tunnels.clone());
        // Its own calls are answered before anything is decided about Nomad's.
        let chain = Admin::new(chain, about, tokens.clone(), denials);
        // Before anything is begun for a caller whom nobody knows yet.
        let chain = PendingLimit::new(chain, tokens);
        let chain = ClientLimit::new(chain, trusted.clone(), per_client_limit);
        // Errors of agents and our own alike.
        let chain = JsonErrors::new(chain);
        // Around the own calls too, and around refusals: a page must be able to read why.
        let chain = Cors::new(chain, origins);
        let chain = InvalidHead::new(chain);
        // Whatever goes wrong is counted as the caller sees it.
        let chain = Telemetry::new(chain, metrics, log.clone());
        // Around the access log, which names the client.
        let chain = ClientAddress::new(chain, trusted);
        // Outermost, so that whatever is logged about a request names it.
        let chain = RequestId::new(chain);
        let drained = async {
            let mut stop = stop.clone();
            stop.drain_started().await;
            let _in_time = stop.within_grace(tunnels.all_closed()).await;
            tunnels.close_all().await;
        };
        let serving = listeners.into_iter().map(|one| one.serve(chain.clone(), stop.clone()));
        tokio::join!(join_all(serving), drained);
        if let Some(log) = log {
            log.flush().await;
        }
    }
}
