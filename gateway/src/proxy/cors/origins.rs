//! The allowed origins.

use std::collections::HashSet;

use http::Uri;
use thiserror::Error;

/// A text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an origin such as \"https://ui.example\", or \"*\"")]
pub struct OriginError;

/// The origins whose pages may read answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    allows_any: bool,
    exact: HashSet<String>,
}

impl Origins {
    /// Adds one as browsers write it (`https://ui.example`, `http://10.0.0.1:4200`), or `*`: any, without credentials.
    ///
    /// # Errors
    /// [`OriginError`] for a text that is none.
    pub fn add(&mut self, text: &str) -> Result<(), OriginError> {
        if text == "*" {
            self.allows_any = true;
            return Ok(());
        }
        let uri: Uri = text.parse().map_err(|_| OriginError)?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(OriginError)?;
        // A browser sends no slash and no user, so that an origin with one would never be met.
        let is_bare = text.len() == scheme.len() + "://".len() + authority.as_str().len();
        if !matches!(scheme, "http" | "https") || !is_bare || authority.as_str().contains('@') {
            return Err(OriginError);
        }
        self.exact.insert(text.to_ascii_lowercase());
        Ok(())
    }

    /// Whether pages of this origin may, and with credentials if so. Credentials are for origins that are named: a
    /// client certificate is sent without anybody asking for it.
    pub(super) fn allows_credentials(&self, origin: &[u8]) -> Option<bool> {
        let named = std::str::from_utf8(origin).is_ok_and(|text| self.exact.contains(text));
        if named { Some(true) } else { self.allows_any.then_some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for text in ["https://ui.example", "http://10.0.0.1:4646", "http://[::1]:4200", "*"] {
            assert_eq!(Origins::default().add(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "ui.example",
            "https://ui.example/",
            "https://ui.example/ui",
            "ftp://x",
            "null",
            "https://u@x",
        ] {
            assert_eq!(Origins::default().add(text), Err(OriginError), "{text}");
        }
    }
}
