//! A node's identity: a token (JWT) signed by a server.
//!
//! ```text
//!  IdentityRenewer of a client ──► the server part of the same agent ──► Issuer ── Signer
//!                             ├──► a server (`membership/peer.rs`)  ──► Issuer ── Signer
//!                             └──► no server known: itself          ──► Issuer ── Signer
//! ```
//!
//! The token itself is never shown; clients of the API see its claims.

mod claims;
mod issuer;
mod renewer;
mod request;
mod signer;

pub(crate) use self::{
    issuer::{IssueError, Issuer},
    renewer::{IdentityRenewer, IdentitySources},
    signer::Signer,
};
pub use request::IdentityRequest;
