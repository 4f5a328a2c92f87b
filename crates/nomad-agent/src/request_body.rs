//! What a caller sends.

use std::error::Error;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::AgentError;

/// The bodies of these calls are a few lines of JSON. Nomad reads them to whatever end they have; a caller who sends
/// more than this wants something else.
const MAX_LENGTH: usize = 1024 * 1024;

/// The body of a request, as any HTTP server hands it over.
pub trait RequestBody:
    http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>> + Send> + Send + 'static
{
}

impl<B> RequestBody for B where
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>> + Send>
        + Send
        + 'static
{
}

/// The whole body.
///
/// # Errors
/// 413 for one that is too long, 400 for one that broke off.
pub(crate) async fn read_body<B: RequestBody>(body: B) -> Result<Bytes, AgentError> {
    match Limited::new(body, MAX_LENGTH).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(AgentError::with_status(
            StatusCode::PAYLOAD_TOO_LARGE,
            "http: request body too large",
        )),
        Err(error) => Err(AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let full = |size: usize| http_body_util::Full::new(Bytes::from(vec![b'x'; size]));
        assert_eq!(read_body(full(3)).await.unwrap(), "xxx");
        assert_eq!(read_body(full(MAX_LENGTH)).await.unwrap().len(), MAX_LENGTH);
        let refused = read_body(full(MAX_LENGTH + 1)).await.unwrap_err().into_http_error();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
