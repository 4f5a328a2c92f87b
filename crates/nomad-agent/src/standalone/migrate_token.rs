//! The token of another agent.
//!
//! Agents fetch each other's data with a token that stands where an ACL token stands and is none. So it is set aside
//! before anybody looks for it among the ACL tokens, and the call goes on as an anonymous one, which costs no right.

use http::{Method, Request, Uri, header::AUTHORIZATION};
use nomad_wire::{Route, header, spec::Requires};

use crate::agent::MigrateToken;

/// Takes the token of a call that wants the token of an agent.
pub(super) fn extract_migrate_token<B>(mut request: Request<B>) -> Request<B> {
    if !is_snapshot(request.method(), request.uri()) {
        return request;
    }
    // A malformed header stays where it is, for IDENTIFY to refuse.
    if let Ok(Some(token)) = header::token(request.headers()) {
        request.headers_mut().remove(header::X_NOMAD_TOKEN);
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(MigrateToken(token));
    }
    request
}

fn is_snapshot(method: &Method, uri: &Uri) -> bool {
    Route::decoded_path(uri).ends_with("/snapshot")
        && Route::parse(method, uri)
            .is_ok_and(|route| route.spec().requires == Requires::MigrateToken)
}
