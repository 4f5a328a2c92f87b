//! The gateway itself: the chain of rooms behind a listener.

use nomad_acl::Tokens;
use nomad_forward::{Budget, Denials, Directory, TcpConnect, forwarder_within};

use crate::{
    Stop,
    listen::Listener,
    rewrite::{HttpAddr, Rewrite},
    trace::Trace,
};

/// A gateway, ready to serve.
#[derive(Debug, Clone)]
pub struct Gateway<D, T> {
    directory: D,
    tokens: T,
    denials: Denials,
    budget: Budget,
    address: HttpAddr,
}

impl<D, T> Gateway<D, T>
where
    D: Directory + Clone + Send + Sync + 'static,
    D::Locate: Unpin,
    T: Tokens + Clone + Send + 'static,
{
    /// A gateway in front of the agents that `directory` knows, for the callers that `tokens` knows.
    pub fn new(directory: D, tokens: T) -> Self {
        let (denials, budget, address) = (Denials::Silent, Budget::default(), HttpAddr::Off);
        Self { directory, tokens, denials, budget, address }
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
        self.budget = budget;
        self
    }

    /// Says what becomes of a node's address in answers about it.
    #[must_use]
    pub const fn rewrite(mut self, address: HttpAddr) -> Self {
        self.address = address;
        self
    }

    /// Serves until the end is announced and no answer is left.
    pub async fn serve(self, listener: Listener, stop: Stop) {
        let Self { directory, tokens, denials, budget, address } = self;
        let chain = forwarder_within(TcpConnect, directory, tokens, denials, budget);
        listener.serve(Trace::new(Rewrite::new(chain, address)), stop).await;
    }
}
