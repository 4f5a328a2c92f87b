//! The cipher suites of TLS 1.2, by the names that Nomad has for them.

use std::{str::FromStr, sync::Arc};

use rustls::{
    SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs::cipher_suite, aws_lc_rs::sign::any_supported_type},
    pki_types::PrivateKeyDer,
};

use super::provider;

/// Those that are built in.
const SUPPORTED: [(&str, SupportedCipherSuite); 6] = [
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
];

/// Which suites of TLS 1.2 are spoken (`tls_cipher_suites`): all that are built in unless some are named. Those of TLS 1.3
/// are always spoken, as in Nomad.
#[derive(Debug, Clone, Default)]
pub struct CipherSuites(Option<Vec<SupportedCipherSuite>>);

/// A suite that cannot be spoken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CipherSuiteError {
    /// Nomad knows it, and it is not built in here: it has no forward secrecy, or its padding was broken too often.
    #[error("{0} is too weak to be built in")]
    Weak(String),
    /// Nomad does not know it either.
    #[error("{0:?} is no cipher suite; known are {names}", names = supported_names())]
    Unknown(String),
}

fn supported_names() -> String {
    SUPPORTED.map(|(name, _)| name).join(", ")
}

impl FromStr for CipherSuites {
    type Err = CipherSuiteError;

    /// Reads names with commas between them.
    fn from_str(text: &str) -> Result<Self, CipherSuiteError> {
        let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let found: Vec<_> = named.map(parse_suite).collect::<Result<_, _>>()?;
        Ok(Self(Some(found).filter(|found| !found.is_empty())))
    }
}

fn parse_suite(name: &str) -> Result<SupportedCipherSuite, CipherSuiteError> {
    if let Some((_, suite)) = SUPPORTED.iter().find(|(known, _)| *known == name) {
        return Ok(*suite);
    }
    // All others that Nomad knows end in this, or exchange keys by RSA.
    let is_weak = name.ends_with("_CBC_SHA") || name.starts_with("TLS_RSA_WITH_AES_");
    let name = name.to_owned();
    Err(if is_weak { CipherSuiteError::Weak(name) } else { CipherSuiteError::Unknown(name) })
}

impl CipherSuites {
    /// The one provider, with these suites alone.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        let mut provider = provider();
        if let Some(named) = &self.0 {
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || named.contains(suite));
        }
        Arc::new(provider)
    }

    /// Whether a caller of TLS 1.2 can be served with this key. Any key goes with suites that nobody has named.
    pub(super) fn fits_key(&self, key: &PrivateKeyDer<'_>) -> bool {
        let Some(named) = &self.0 else { return true };
        // What kind of key it is, is somebody else's question.
        let Ok(key) = any_supported_type(key) else { return true };
        named.iter().any(|suite| match suite {
            SupportedCipherSuite::Tls12(suite) => key.choose_scheme(suite.sign).is_some(),
            SupportedCipherSuite::Tls13(_) => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_known_by_nomads_names() {
        let all = supported_names().parse::<CipherSuites>().unwrap().provider();
        assert_eq!(all.cipher_suites.len(), provider().cipher_suites.len());
        let one: CipherSuites = " TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ,".parse().unwrap();
        let tls12 =
            one.provider().cipher_suites.iter().filter(|suite| suite.tls13().is_none()).count();
        assert_eq!(tls12, 1);
        assert!("".parse::<CipherSuites>().unwrap().0.is_none());
        for (text, error) in [
            ("TLS_RSA_WITH_AES_128_CBC_SHA", "too weak"),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "too weak"),
            ("aes", "known are TLS_ECDHE"),
        ] {
            let said = text.parse::<CipherSuites>().unwrap_err().to_string();
            assert!(said.contains(error) && said.contains(text), "{said}");
        }
    }
}
