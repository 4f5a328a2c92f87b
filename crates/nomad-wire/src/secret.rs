//! A token's secret: it can be compared and sent on, never printed.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use http::HeaderValue;
use subtle::ConstantTimeEq;

/// The secret id of an ACL token, or a workload identity JWT: whatever a caller sent as its token.
///
/// `Debug` prints nothing of it, there is no `Display`, and two secrets compare in constant time.
#[derive(Clone)]
pub struct SecretId(Box<str>);

impl SecretId {
    /// Takes a token as it was sent. An empty one is a token too: Nomad does not treat it as anonymous.
    #[must_use]
    pub fn new(secret: impl Into<Box<str>>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that sends it on or looks it up. Named so that it shows in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of an `X-Nomad-Token` header, marked as sensitive; `None` when the secret cannot stand in a header.
    #[must_use]
    pub fn header_value(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretId(<redacted>)")
    }
}

impl PartialEq for SecretId {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretId {}

impl Hash for SecretId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let secret = SecretId::new("3721d099-7634-c305-7866-0a5e5e029ead");
        assert!(!format!("{secret:?}").contains("3721"));
        assert!(!format!("{:?}", secret.header_value().unwrap()).contains("3721"));
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(SecretId::new("a"), SecretId::new("a"));
        assert_ne!(SecretId::new("a"), SecretId::new("ab"));
    }
}
