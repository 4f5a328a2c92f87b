//! The gateway itself: the chain of rooms behind a listener.

use std::sync::Arc;

use futures_util::future::join_all;
use nomad_acl::Tokens;
use nomad_forward::{
    Bounds, Budget, Denials, Directory, Shares, TcpConnect, Transport, Tunnel, Tunnels,
    connect::Connect, delivery, guarded,
};

use crate::{
    Stop,
    client_address::{ClientAddress, ClientLimit, TrustedProxies},
    cors::{Cors, Origins},
    listen::Listener,
    own::{About, Own},
    refused::Refuse,
    rewrite::{HttpAddr, Rewrite},
    streams::{Gather, Monitors, Repair},
    telemetry::{AccessLog, Metrics, Telemetry},
    told::Told,
    trace::Trace,
    undecided::Undecided,
};

/// A gateway, ready to serve.
#[derive(Debug, Clone)]
pub struct Gateway<D, T, C = TcpConnect> {
    connect: C,
    directory: D,
    tokens: T,
    denials: Denials,
    bounds: Bounds,
    address: HttpAddr,
    origins: Option<Origins>,
    tunnels: Tunnels,
    metrics: Arc<Metrics>,
    log: Option<AccessLog>,
    trusted: TrustedProxies,
    per_client: usize,
}

impl<D, T> Gateway<D, T> {
    /// A gateway in front of the agents that `directory` knows, for the callers that `tokens` knows.
    pub fn new(directory: D, tokens: T) -> Self {
        Self {
            connect: TcpConnect,
            directory,
            tokens,
            denials: Denials::Silent,
            bounds: Bounds::default(),
            address: HttpAddr::Off,
            origins: None,
            tunnels: Tunnels::default(),
            metrics: Arc::default(),
            log: None,
            trusted: TrustedProxies::default(),
            per_client: 0,
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
        let Self { directory, tokens, denials, bounds, address, origins, .. } = self;
        let Self { tunnels, metrics, log, trusted, per_client, .. } = self;
        Gateway {
            connect,
            directory,
            tokens,
            denials,
            bounds,
            address,
            origins,
            tunnels,
            metrics,
            log,
            trusted,
            per_client,
        }
    }

    /// Says how much a caller is told who may not.
    #[must_use]
    pub const fn denials(mut self, denials: Denials) -> Self {
        self.denials = denials;
        self
    }

    /// Says how many connections one agent gets at most.
    #[must_use]
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.bounds.budget = budget;
        self
    }

    /// The requests that callers share, to be counted, bounded otherwise, or turned off.
    #[must_use]
    pub fn shares(mut self, shares: Shares) -> Self {
        self.bounds.shares = shares;
        self
    }

    /// Says what becomes of a node's address in answers about it.
    #[must_use]
    pub const fn rewrite(mut self, address: HttpAddr) -> Self {
        self.address = address;
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
        self.log = Some(log);
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
    pub const fn per_client(mut self, requests: usize) -> Self {
        self.per_client = requests;
        self
    }

    /// Serves until the end is announced and no answer and no websocket is left.
    pub async fn serve(self, listener: Listener, stop: Stop) {
        self.serve_all(vec![listener], stop).await;
    }

    /// The same at several addresses.
    pub async fn serve_all(self, listeners: Vec<Listener>, stop: Stop) {
        let Self { connect, directory, tokens, denials, bounds, address, .. } = self;
        let Self { origins, tunnels, metrics, log, trusted, per_client, .. } = self;
        // All its listeners speak alike.
        let speaks = listeners.first().map_or(Transport::Plain, Listener::speaks);
        let about = About {
            directory: directory.clone(),
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
        };
        if let Some(log) = &log {
            metrics.show_access_log(log.clone());
        }
        if let Some(handshakes) = listeners.first().and_then(Listener::handshakes) {
            metrics.show_handshakes(handshakes.clone());
        }
        metrics.show_tunnels(tunnels.clone());
        metrics.show_shares(bounds.shares.clone());
        let monitors = Monitors::default();
        metrics.show_monitors(monitors.clone());
        let chain = delivery(connect, directory.clone(), bounds);
        // Behind the decision, so that nobody shares what they may not see.
        let chain = Gather::new(chain, monitors);
        let chain = guarded(chain, directory, tokens.clone(), denials);
        // What a caller asks for that Nomad has no words for; its own questions go through the chain too.
        let chain = Repair::new(chain);
        let chain = Rewrite::new(chain, address, speaks);
        // Around both, since a page asks for what they change over a websocket, too.
        let chain = Tunnel::new(chain, tunnels.clone());
        // Its own calls are answered before anything is decided about Nomad's.
        let chain = Own::new(chain, about, tokens, denials);
        // Before anything is begun for a caller whom nobody knows yet.
        let chain = Undecided::new(chain);
        let chain = ClientLimit::new(chain, trusted.clone(), per_client);
        // Errors of agents and our own alike.
        let chain = Told::new(chain);
        // Around the own calls too, and around refusals: a page must be able to read why.
        let chain = Cors::new(chain, origins);
        let chain = Refuse::new(chain);
        // Whatever goes wrong is counted as the caller sees it.
        let chain = Telemetry::new(chain, metrics, log.clone());
        // Around the access log, which names the client.
        let chain = ClientAddress::new(chain, trusted);
        // Outermost, so that whatever is logged about a request names it.
        let chain = Trace::new(chain);
        let drained = async {
            let mut stop = stop.clone();
            stop.announced().await;
            let _in_time = stop.last(tunnels.ended()).await;
            tunnels.end().await;
        };
        let serving = listeners.into_iter().map(|one| one.serve(chain.clone(), stop.clone()));
        tokio::join!(join_all(serving), drained);
        if let Some(log) = log {
            log.flush().await;
        }
    }
}
