//! Who a node is, in a token (JWT) that a server has signed.
//!
//! ```text
//!  Keeper of a client ──► the server part of the same agent ──► Issuer ── Signer
//!                    ├──► a server (`membership/peer.rs`)  ──► Issuer ── Signer
//!                    └──► nobody is there: itself          ──► Issuer ── Signer
//! ```
//!
//! The token itself is never shown; callers see its claims.

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
