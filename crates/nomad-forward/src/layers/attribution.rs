//! Which agent responded: for clients that may list agents, and always for logs.

use http::{HeaderValue, Response, StatusCode};
use nomad_wire::header::X_NOMAD_GATEWAY_AGENT;

/// An extension of a request: its client may not list agents of the kind that is asked, so that it is not told their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConcealAgent {
    /// No response names the agent.
    Always,
    /// The agent decides. A response that refuses does not name it.
    IfRefused,
}

impl ConcealAgent {
    /// Whether a response with this status names no agent.
    pub(crate) fn applies_to(self, status: StatusCode) -> bool {
        match self {
            Self::Always => true,
            Self::IfRefused => status.is_client_error() || status.is_server_error(),
        }
    }
}

/// The agent's name, in an answer that does not show it.
#[derive(Debug, Clone)]
struct ConcealedAgent(HeaderValue);

/// The agent that an answer came from, also where the caller is not told. For logs.
pub fn responding_agent<B>(response: &Response<B>) -> Option<&HeaderValue> {
    let concealed =
        || response.extensions().get::<ConcealedAgent>().map(|ConcealedAgent(name)| name);
    response.headers().get(X_NOMAD_GATEWAY_AGENT).or_else(concealed)
}

/// Shows the caller no agent; logs still do.
pub fn conceal_agent<B>(response: &mut Response<B>) {
    if let Some(name) = response.headers_mut().remove(X_NOMAD_GATEWAY_AGENT) {
        response.extensions_mut().insert(ConcealedAgent(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_shown_is_still_known_to_logs() {
        let mut response = Response::new(());
        assert_eq!(responding_agent(&response), None);
        response.headers_mut().insert(X_NOMAD_GATEWAY_AGENT, HeaderValue::from_static("client1"));
        assert_eq!(responding_agent(&response).unwrap(), "client1");
        conceal_agent(&mut response);
        assert!(response.headers().is_empty());
        assert_eq!(responding_agent(&response).unwrap(), "client1");
    }
}
