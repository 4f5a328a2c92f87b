//! Paths outside the agent and client API: this agent is a reference for those two only.

use http::{StatusCode, Uri};
use nomad_wire::{Route, RouteError};

use crate::{
    error::{AgentError, WrongRole},
    role::Role,
};

/// Nomad's text for an unknown path; a plain sentence for a path that a whole Nomad would have.
pub(crate) fn unknown_path(uri: &Uri, role: Role) -> AgentError {
    let path = &*Route::decoded_path(uri);
    let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    if below("/v1/client/fs") {
        AgentError::with_status(StatusCode::NOT_FOUND, "Invalid method")
    } else if below("/v1/agent/keyring") && !role.is_server() {
        AgentError::WrongRole(WrongRole::InvalidMethod)
    } else if below("/v1/client/allocation") || below("/v1/agent/keyring") {
        AgentError::with_status(StatusCode::NOT_FOUND, "resource not found")
    } else if path == "/" {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        AgentError::Http(RouteError::Redirect(format!("/ui/{query}").into()).into())
    } else if path == "/ui" || below("/ui") {
        AgentError::NotServed("the web UI")
    } else if below("/v1") && !below("/v1/agent") && !below("/v1/client") && !is_root(path) {
        AgentError::NotServed("anything but /v1/agent and /v1/client")
    } else {
        AgentError::UnknownPath
    }
}

/// The roots of the API have no handler of their own.
fn is_root(path: &str) -> bool {
    matches!(path, "/v1" | "/v1/" | "/v1/agent" | "/v1/client")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_path_has_its_words() {
        for (path, status, text) in [
            ("/v1", 404, ""),
            ("/v1/", 404, ""),
            ("/v1/agent", 404, ""),
            ("/v1/agent/foo", 404, ""),
            ("/favicon.ico", 404, ""),
            ("/v1/client/fs/foo/x", 404, "Invalid method"),
            ("/v1/client/allocation/x", 404, "resource not found"),
            ("/v1/agent/keyring/foo", 404, "resource not found"),
            (
                "/v1/jobs",
                501,
                "anything but /v1/agent and /v1/client is not served by this agent yet",
            ),
            ("/ui/jobs", 501, "the web UI is not served by this agent yet"),
        ] {
            let fault = unknown_path(&Uri::from_static(path), Role::Server).into_http_error();
            assert_eq!((fault.status().as_u16(), fault.text()), (status, text), "{path}");
        }
        let keyring = Uri::from_static("/v1/agent/keyring/foo");
        assert_eq!(unknown_path(&keyring, Role::Client).into_http_error().status(), 501);
    }
}
