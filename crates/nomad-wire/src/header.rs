//! Header names, and the token that a request carries.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use thiserror::Error;

use crate::secret::SecretId;

/// The token of the caller (`api` package of Nomad).
pub const X_NOMAD_TOKEN: HeaderName = HeaderName::from_static("x-nomad-token");
/// The agent that answered, by name: a server's `name.region`, a node's name. Ours.
pub const X_NOMAD_GATEWAY_AGENT: HeaderName = HeaderName::from_static("x-nomad-gateway-agent");
/// How the answer came: `direct`, `relay` or `pass`. Ours.
pub const X_NOMAD_GATEWAY_PATH: HeaderName = HeaderName::from_static("x-nomad-gateway-path");
/// The capability that was missing, when the gateway may tell. Ours.
pub const X_NOMAD_GATEWAY_DENIED: HeaderName = HeaderName::from_static("x-nomad-gateway-denied");
/// What the gateway itself does with a stream, in words: `shared`, `until-dead`, `repair-rotation`, `resume`, `after`,
/// `events`, `ndjson`. Ours.
pub const X_NOMAD_GATEWAY_STREAM: HeaderName = HeaderName::from_static("x-nomad-gateway-stream");
/// Ties the log lines of one request together; kept when the caller sent one.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why no token can be taken from the headers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A token header stands more than once: two readers could take different ones.
    #[error("header {0} must not be repeated")]
    Repeated(HeaderName),
    /// A token that is no visible text.
    #[error("header {0} is not text")]
    NotText(HeaderName),
}

/// The token of a request: `X-Nomad-Token` when it is not empty, else a bearer token. `None` is anonymous.
///
/// A token of white space only is an *empty* token, not an anonymous caller, as in Nomad.
///
/// # Errors
/// [`TokenError`] when a header is repeated or no text.
pub fn token(headers: &HeaderMap) -> Result<Option<SecretId>, TokenError> {
    if let Some(value) = single(headers, &X_NOMAD_TOKEN)?
        && !value.is_empty()
    {
        return Ok(Some(SecretId::new(value.trim())));
    }
    let Some(value) = single(headers, &AUTHORIZATION)? else { return Ok(None) };
    let mut words = value.split(' ');
    let is_bearer = words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    Ok(words.next().filter(|_| is_bearer).map(|token| SecretId::new(token.trim())))
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, TokenError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Repeated(name.clone()));
    }
    value.to_str().map(Some).map_err(|_| TokenError::NotText(name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(HeaderName, &'static str)]) -> Option<String> {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        token(&headers).unwrap().map(|token| token.expose().into())
    }

    #[test]
    fn the_header_comes_before_the_bearer() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[(X_NOMAD_TOKEN, " foobar")]).unwrap(), "foobar");
        assert_eq!(read(&[(AUTHORIZATION, "bEARER foobar more")]).unwrap(), "foobar");
        assert_eq!(read(&[(AUTHORIZATION, "foobar")]), None);
        assert_eq!(read(&[(AUTHORIZATION, "Basic foobar")]), None);
        assert_eq!(read(&[(X_NOMAD_TOKEN, "one"), (AUTHORIZATION, "Bearer two")]).unwrap(), "one");
        assert_eq!(read(&[(X_NOMAD_TOKEN, ""), (AUTHORIZATION, "Bearer two")]).unwrap(), "two");
    }

    #[test]
    fn a_repeated_token_is_refused() {
        let mut headers = HeaderMap::new();
        headers.append(X_NOMAD_TOKEN, "a".parse().unwrap());
        headers.append(X_NOMAD_TOKEN, "b".parse().unwrap());
        assert_eq!(token(&headers), Err(TokenError::Repeated(X_NOMAD_TOKEN)));
    }
}
