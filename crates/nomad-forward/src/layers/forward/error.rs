//! Why an upstream agent gave no response.

use std::{sync::Arc, time::Duration};

use nomad_wire::Route;
use thiserror::Error;

use crate::{Agent, connect::ConnectError, layers::upstream_body::UploadError};

/// Why an agent gave no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// No connection: nothing was sent.
    #[error("cannot reach agent {:?}", agent.name())]
    Connect {
        /// The call: it decides the status.
        route: Route,
        /// The agent, the last one when several could have answered.
        agent: Arc<Agent>,
        /// What went wrong.
        source: ConnectError,
    },
    /// The connection that had been waiting was closed, and there is no new one: nothing was sent.
    #[error("cannot reach agent {:?} again", agent.name())]
    Reopen {
        /// The agent.
        agent: Arc<Agent>,
        /// What went wrong.
        source: ConnectError,
    },
    /// The connection broke before an answer began.
    #[error("agent {:?} broke the connection before it answered", agent.name())]
    Lost {
        /// The agent.
        agent: Arc<Agent>,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The agent accepted the request and did not begin to answer.
    #[error("agent {:?} did not answer within {limit:?}", agent.name())]
    ResponseTimeout {
        /// The agent.
        agent: Arc<Agent>,
        /// How long it was given.
        limit: Duration,
    },
    /// The agent accepted a request that may take long, and answers health checks no more.
    #[error("agent {:?} has not answered for {}s, nor to health checks", agent.name(), after.as_secs())]
    HealthCheckFailed {
        /// The agent.
        agent: Arc<Agent>,
        /// For how long.
        after: Duration,
    },
    /// The caller's: the body of the request did not come.
    #[error("{source}")]
    Upload {
        /// The call: it decides the text.
        route: Route,
        /// What the caller did.
        source: UploadError,
    },
    /// The agent switched protocols although nobody wanted that.
    #[error("agent {:?} switched protocols unasked", agent.name())]
    UnexpectedUpgrade {
        /// The agent.
        agent: Arc<Agent>,
    },
}
