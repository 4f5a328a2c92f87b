//! What a caller sends.

use std::{error::Error, future::poll_fn, pin::pin};

use bytes::{Buf as _, Bytes, BytesMut};
use http::StatusCode;

use crate::error::AgentError;

/// More than any call needs that is not a stream; a caller must not fill the memory.
const MAX_BODY: usize = 1 << 20;

/// The body of a request, as any HTTP server hands it over.
pub trait Upload:
    http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send
{
}

impl<B> Upload for B where
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send
{
}

/// Reads a body to its end.
///
/// # Errors
/// 413 for one that is too long, 400 for one that breaks off.
pub(crate) async fn whole<B: Upload>(body: B) -> Result<Bytes, AgentError> {
    let mut body = pin!(body);
    let mut all = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let error: Box<dyn Error + Send + Sync> = error.into();
            AgentError::said(StatusCode::BAD_REQUEST, format!("cannot read the request: {error}"))
        })?;
        let Ok(mut data) = frame.into_data() else { continue };
        if all.len() + data.remaining() > MAX_BODY {
            let text = format!("the request is longer than {MAX_BODY} bytes");
            return Err(AgentError::said(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        all.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let full = |size: usize| http_body_util::Full::new(Bytes::from(vec![b'x'; size]));
        assert_eq!(whole(full(3)).await.unwrap(), "xxx");
        assert_eq!(whole(full(MAX_BODY)).await.unwrap().len(), MAX_BODY);
        let refused = whole(full(MAX_BODY + 1)).await.unwrap_err().into_fault();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
