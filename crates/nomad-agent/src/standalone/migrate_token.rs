//! The token of another agent.
//!
//! Agents fetch each other's data with a token that is in the header of the ACL token and is none. So it is moved
//! aside before the ACL token is looked up, and the request continues as an anonymous one; the call requires no
//! capability.

use http::{Method, Request, Uri, header::AUTHORIZATION};
use nomad_wire::{Route, header, spec::Requires};

use crate::agent::MigrateToken;

/// Moves the token aside if the call takes an agent's token.
pub(super) fn extract_migrate_token<B>(mut request: Request<B>) -> Request<B> {
    if !is_snapshot(request.method(), request.uri()) {
        return request;
    }
    // A malformed header stays, for IDENTIFY to refuse.
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
