//! The first message of a websocket with `ws_handshake=true`, for clients that cannot set a header.

use thiserror::Error;

use crate::{
    SecretId,
    json::{DecodeError, Object},
};

/// The only version there is.
const VERSION: i64 = 1;

/// The first message of a websocket that carries its token: `{"version":1,"auth_token":"…"}`. It is read as Go reads it: keys in
/// any case, the last of equal ones counts, and nothing after the first value is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeMessage {
    /// The token; nothing where it is missing or empty.
    pub token: Option<SecretId>,
}

/// Why a first message is no handshake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeMessageError {
    /// It is no JSON object, or a field has another type.
    #[error("failed to decode handshake message")]
    Malformed(#[from] DecodeError),
    /// It is of another version. The text is Nomad's.
    #[error("unexpected handshake value: {0}")]
    Version(i64),
}

impl HandshakeMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// [`HandshakeMessageError`].
    pub fn parse(message: &[u8]) -> Result<Self, HandshakeMessageError> {
        let fields = Object::parse(message, "wsHandshakeMessage")?;
        let version = fields.integer("version")?;
        if version != VERSION {
            return Err(HandshakeMessageError::Version(version));
        }
        let token = fields.string("auth_token")?;
        Ok(Self { token: (!token.is_empty()).then(|| SecretId::new(token)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(message: &str) -> Result<Option<String>, String> {
        let message = HandshakeMessage::parse(message.as_bytes());
        let token = |message: HandshakeMessage| message.token;
        message
            .map(|message| token(message).map(|token| token.expose().to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_message_is_read_as_go_reads_it() {
        for message in [
            r#"{"version":1,"auth_token":"a"}"#,
            r#"{"Version":1,"AUTH_TOKEN":"a"}"#,
            r#"{"version":2,"version":1,"auth_token":"b","auth_token":"a"}"#,
            r#"{"version":1,"auth_token":"a"} {"version":2} and more"#,
            r#"{"version":1,"auth_token":"a","other":[1]}"#,
        ] {
            assert_eq!(token(message), Ok(Some("a".to_owned())), "{message}");
        }
        for message in [r#"{"version":1}"#, r#"{"version":1,"auth_token":null}"#] {
            assert_eq!(token(message), Ok(None), "{message}");
        }
    }

    #[test]
    fn another_version_and_what_is_no_object_are_refused() {
        let version = "unexpected handshake value: ";
        assert_eq!(token(r#"{"version":2}"#), Err(format!("{version}2")));
        assert_eq!(token("{}"), Err(format!("{version}0")));
        assert_eq!(token("null"), Err(format!("{version}0")));
        for message in [
            "",
            "x",
            "[]",
            "{",
            r#"{"version":"1"}"#,
            r#"{"version":1.5}"#,
            r#"{"version":1,"auth_token":2}"#,
        ] {
            assert_eq!(
                token(message),
                Err("failed to decode handshake message".to_owned()),
                "{message}"
            );
        }
    }
}
