//! One call to the API.

use std::future::poll_fn;

use bytes::Bytes;
use http::{Request, Response, Uri};
use nomad_wire::{SecretId, header::X_NOMAD_TOKEN};
use thiserror::Error;
use tower_service::Service;

use crate::tokens::TokenLookupError;
use crate::tokens::nomad::api_outcome::unavailable;

/// The service did not bring an answer.
#[derive(Debug, Error)]
#[error("no server answered")]
struct ServerUnreachable(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Who may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// Any server, as Nomad's own agents allow when they resolve tokens; so tokens resolve while there is no leader.
    /// It may lag behind.
    Stale,
    /// The leader, which knows of everything that was made.
    Leader,
}

/// Makes one GET with the caller's token.
pub(super) async fn get<S>(
    service: &mut S,
    path: &str,
    token: Option<&SecretId>,
    consistency: Consistency,
) -> Result<Response<Bytes>, TokenLookupError>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let query = match consistency {
        Consistency::Stale => "?stale",
        Consistency::Leader => "",
    };
    let uri: Uri = format!("{path}{query}").parse().map_err(unavailable)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    if let Some(token) = token {
        // What cannot stand in a header is no token of Nomad's.
        let value = token.header_value().ok_or(TokenLookupError::NotFound)?;
        request.headers_mut().insert(X_NOMAD_TOKEN, value);
    }
    let unreached = |error: S::Error| unavailable(ServerUnreachable(error.into()));
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(unreached)?;
    service.call(request).await.map_err(unreached)
}
