//! Header names, and the token that a request carries.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
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
    /// A token header stands more than once, with different tokens: two readers could take different ones.
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
/// [`TokenError`] when a header is repeated with another token, or is no text.
pub fn token(headers: &HeaderMap) -> Result<Option<SecretId>, TokenError> {
    if let Some(value) = single_str(headers, &X_NOMAD_TOKEN)?
        && !value.is_empty()
    {
        return Ok(Some(SecretId::new(value.trim())));
    }
    let Some(value) = single_str(headers, &AUTHORIZATION)? else { return Ok(None) };
    // Any number of spaces may stand behind the scheme; of what follows the first word counts.
    let Some((scheme, rest)) = value.split_once(' ') else { return Ok(None) };
    let word = rest.trim().split(' ').next().unwrap_or_default();
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| SecretId::new(word.trim())))
}

/// Leaves one of the token headers that stand more than once with the same token, so that whoever reads them next takes
/// what was taken here. What [`token`] refuses stays as it is.
pub fn deduplicate_token_headers(headers: &mut HeaderMap) {
    for name in [X_NOMAD_TOKEN, AUTHORIZATION] {
        let is_repeated = headers.get_all(&name).iter().nth(1).is_some();
        if is_repeated && let Ok(Some(value)) = single_value(headers, &name) {
            let value = value.clone();
            headers.insert(name, value);
        }
    }
}

fn single_str<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, TokenError> {
    let Some(value) = single_value(headers, name)? else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| TokenError::NotText(name.clone()))
}

/// The only value of a header, however often it stands there. Some clients send a token twice, or an empty one beside it.
fn single_value<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, TokenError> {
    let mut values = headers.get_all(name).iter();
    let Some(mut taken) = values.next() else { return Ok(None) };
    for value in values.filter(|value| !value.is_empty()) {
        if taken.is_empty() {
            taken = value;
        } else if taken != value {
            return Err(TokenError::Repeated(name.clone()));
        }
    }
    Ok(Some(taken))
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
        assert_eq!(read(&[(AUTHORIZATION, "bearer  \t foobar  more")]).unwrap(), "foobar");
        assert_eq!(read(&[(AUTHORIZATION, "bearer")]), None);
        assert_eq!(read(&[(AUTHORIZATION, "foobar")]), None);
        assert_eq!(read(&[(AUTHORIZATION, "Basic foobar")]), None);
        assert_eq!(read(&[(X_NOMAD_TOKEN, "one"), (AUTHORIZATION, "Bearer two")]).unwrap(), "one");
        assert_eq!(read(&[(X_NOMAD_TOKEN, ""), (AUTHORIZATION, "Bearer two")]).unwrap(), "two");
    }

    #[test]
    fn a_token_may_be_repeated_and_two_tokens_are_refused() {
        for (name, before) in [(X_NOMAD_TOKEN, ""), (AUTHORIZATION, "Bearer ")] {
            for (values, taken) in [
                (&["a", "a"][..], Some("a")),
                (&["a", "", "a"], Some("a")),
                (&["", "a"], Some("a")),
                (&["a", ""], Some("a")),
                (&["", ""], None),
                (&["a", "b"], Some("refused")),
                (&["", "a", "b"], Some("refused")),
            ] {
                let value = |text: &&str| match *text {
                    "" => HeaderValue::from_static(""),
                    text => format!("{before}{text}").parse().unwrap(),
                };
                let all = values.iter().map(|text| (name.clone(), value(text)));
                let mut headers: HeaderMap = all.collect();
                let read = token(&headers);
                if taken == Some("refused") {
                    assert_eq!(read, Err(TokenError::Repeated(name.clone())), "{values:?}");
                    continue;
                }
                let read = read.unwrap().map(|token| token.expose().to_owned());
                assert_eq!(read.as_deref(), taken, "{values:?}");
                deduplicate_token_headers(&mut headers);
                let left: Vec<_> = headers.get_all(&name).iter().collect();
                assert_eq!(left, [&value(&taken.unwrap_or_default())], "{values:?}");
            }
        }
    }
}
