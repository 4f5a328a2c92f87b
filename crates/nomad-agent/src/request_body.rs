//! Request bodies.

use std::error::Error;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::AgentError;

/// These bodies are a few lines of JSON. Nomad reads them without a limit; a body longer than this is no such
/// request.
const MAX_LENGTH: usize = 1024 * 1024;

/// The body of a request, as any HTTP server provides it.
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

/// Reads the whole body.
///
/// # Errors
/// 413 for a body that is too long, 400 for one that breaks off.
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
