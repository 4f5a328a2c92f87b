//! The token in the first message, for clients that cannot set a header.

use http::{HeaderMap, header::AUTHORIZATION};
use nomad_wire::{
    client::{HandshakeMessage, HandshakeMessageError},
    header,
};
use thiserror::Error;

/// Why the first message is none. The texts are Nomad's where it has one.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    /// It is no handshake.
    #[error(transparent)]
    Message(#[from] HandshakeMessageError),
    /// Two tokens, and they are not the same.
    #[error("handshake auth token mismatched auth header token")]
    Mismatch,
    /// The token cannot stand in a header.
    #[error("handshake auth token is not text")]
    NotText,
}

/// Puts the token of the first message where a token stands.
pub(super) fn apply_token(message: &[u8], headers: &mut HeaderMap) -> Result<(), HandshakeError> {
    let Some(token) = HandshakeMessage::parse(message)?.token else { return Ok(()) };
    // A header that is malformed is refused when everybody's is.
    match header::token(headers) {
        Ok(Some(there)) if there != token => Err(HandshakeError::Mismatch),
        _ => {
            let value = token.header_value().ok_or(HandshakeError::NotText)?;
            headers.remove(AUTHORIZATION);
            headers.insert(header::X_NOMAD_TOKEN, value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_after(message: &str, there: Option<&str>) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        if let Some(there) = there {
            headers.insert(header::X_NOMAD_TOKEN, there.parse().unwrap());
        }
        apply_token(message.as_bytes(), &mut headers).map_err(|error| error.to_string())?;
        Ok(header::token(&headers).unwrap().map(|token| token.expose().to_owned()))
    }

    #[test]
    fn a_token_may_come_late_but_not_change() {
        let own = r#"{"version":1,"auth_token":"a"}"#;
        assert_eq!(token_after(own, None), Ok(Some("a".to_owned())));
        assert_eq!(token_after(own, Some("a")), Ok(Some("a".to_owned())));
        let mismatch = "handshake auth token mismatched auth header token".to_owned();
        assert_eq!(token_after(own, Some("b")), Err(mismatch));
        assert_eq!(token_after(r#"{"version":1}"#, Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(
            token_after(r#"{"version":2}"#, None),
            Err("unexpected handshake value: 2".into())
        );
        assert_eq!(token_after("{}", None), Err("unexpected handshake value: 0".into()));
        assert_eq!(token_after("x", None), Err("failed to decode handshake message".into()));
    }
}
