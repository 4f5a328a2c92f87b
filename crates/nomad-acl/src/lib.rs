//! Nomad's ACL, decided anywhere, with the reason.
//!
//! Two tower layers stand at the front of a request's life, and one proof comes out of them:
//!
//! ```text
//!  http::Request<B>
//!    │  IDENTIFY  which call is it, and what may its token do?   asks Tokens
//!    ▼
//!  Known<B> { route, acl, request }
//!    │  (somebody finds out whose object it is about: the Subject)
//!    ▼
//!  Q: Ask
//!    │  ADMIT     may they?   pure: Acl + Requirement + Subject
//!    ▼
//!  Admitted<Q>    only this crate can write one
//! ```
//!
//! Whoever serves or forwards a request takes an [`Admitted`], so that nothing passes that was not decided about. The
//! proof is as honest as its [`Subject`]: the namespace of an allocation is the allocation's own, looked up, never the
//! one that the caller wrote into the query.

mod acl;
mod admit;
mod block;
pub mod capability;
mod check;
mod closest;
mod compile;
mod decision;
mod decode;
mod error;
mod explain;
mod glob;
mod identify;
mod item;
mod json;
mod lex;
mod lint;
mod parse;
mod policy;
mod requirement;
mod subject;
pub mod tokens;
mod trie;
mod warning;

pub use self::{
    acl::{Acl, EnableDebug},
    admit::{Admit, AdmitLayer, Admitted, Ask, Denied},
    block::Block,
    compile::Named,
    decision::{Decision, Grant, Reason, Rule, Rules},
    error::PolicyError,
    explain::{Advice, Explanation, Outcome, Question, explain},
    identify::{Identify, IdentifyError, IdentifyLayer, Known},
    item::{MAX_DEPTH, MAX_TEXT, Place},
    lint::{Lint, lint},
    policy::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, WideRule},
    requirement::{About, AnyOf, Demand, Level, Requirement, Right, RightError},
    subject::{Claim, Subject, Variable},
    tokens::{AclDisabled, Tokens, TokensError},
    warning::Warning,
};
