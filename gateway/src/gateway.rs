//! The gateway itself: the chain of rooms behind a listener.

use nomad_acl::Tokens;
use nomad_forward::{Denials, Directory, TcpConnect, forwarder};

use crate::{Stop, listen::Listener, trace::Trace};

/// A gateway, ready to serve.
#[derive(Debug, Clone)]
pub struct Gateway<D, T> {
    directory: D,
    tokens: T,
    denials: Denials,
}

impl<D, T> Gateway<D, T>
where
    D: Directory + Clone + Send + Sync + 'static,
    D::Locate: Unpin,
    T: Tokens + Clone + Send + 'static,
{
    /// A gateway in front of the agents that `directory` knows, for the callers that `tokens` knows.
    pub const fn new(directory: D, tokens: T) -> Self {
        Self { directory, tokens, denials: Denials::Silent }
    }

    /// Says how much a caller is told who may not.
    #[must_use]
    pub const fn denials(mut self, denials: Denials) -> Self {
        self.denials = denials;
        self
    }

    /// Serves until the end is announced and no answer is left.
    pub async fn serve(self, listener: Listener, stop: Stop) {
        let chain = forwarder(TcpConnect, self.directory, self.tokens, self.denials);
        listener.serve(Trace::new(chain), stop).await;
    }
}
