//! Why there is no TLS.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why there is no TLS, and what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file has no certificate in it.
    #[error("{} holds no certificate; it must be PEM, with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    /// A file has no key in it.
    #[error("{} holds no private key; it must be PEM, with -----BEGIN PRIVATE KEY-----", .0.display())]
    NoKey(PathBuf),
    /// The key in a file is encrypted, and there is nobody to ask for its password.
    #[error("the key in {} is encrypted; decrypt it with openssl pkey", .0.display())]
    EncryptedKey(PathBuf),
    /// What stands between the PEM lines is broken.
    #[error("{} is no sound PEM: {reason}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not belong together, or one of them is of an unknown kind.
    #[error("the key in {} does not go with the certificate in {}", key.display(), cert.display())]
    Pair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// A certificate of an authority cannot be used.
    #[error("{} holds a certificate that can be no authority: {reason}", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system trusts nobody, or its list cannot be read.
    #[error(
        "the system's own authorities cannot be found; name those who sign agents in ca_file or ca_path"
    )]
    NoSystemAuthority,
    /// A certificate has ended.
    #[error("the certificate in {} ended on {on}", file.display())]
    Expired {
        /// The file.
        file: PathBuf,
        /// When, in UTC.
        on: String,
    },
    /// A certificate has not begun.
    #[error("the certificate in {} begins on {on} only; is the clock right?", file.display())]
    NotYetValid {
        /// The file.
        file: PathBuf,
        /// When, in UTC.
        on: String,
    },
    /// No suite of TLS 1.2 that was named goes with the key.
    #[error("none of the suites goes with the key in {}; name one for its kind, or tls13 as tls_min_version", key.display())]
    NoUsableSuite {
        /// The file of the key.
        key: PathBuf,
    },
    /// Client certificates are looked at, and nobody is named who may have signed them.
    #[error("client certificates are verified, so ca_file must name who signs them")]
    NoAuthority,
    /// The name that agents' certificates should have is none.
    #[error("{0:?} is no name that a certificate can have")]
    ServerName(String),
    /// The library refuses the settings.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}
