//! Nomad's ACL, decided anywhere, with the reason.
//!
//! A policy says what a token may do. This crate reads policies as Nomad reads them, in both forms of
//! their language, and decides as Nomad 2.0 decides, its quirks included, because the agents behind a
//! gateway decide again and two different answers help nobody. Every answer names the rule behind it,
//! with file, line and column.
//!
//! ```
//! use nomad_acl::{Acl, Decision, Policy, Requirement, Subject};
//! use nomad_wire::{FsRoute, Route};
//!
//! let ops: Policy = r#"
//!     namespace "edge-*" { capabilities = ["read-logs"] }
//!     namespace "edge-eu" { policy = "deny" }
//! "#.parse()?;
//! let acl = Acl::compile([("ops", &ops)]);
//!
//! let logs = Requirement::for_route(&Route::Fs(FsRoute::Logs, "13651909-dd6d-35ce-5da0-5004769668b3".into()));
//! assert!(acl.allows(&logs, &Subject::Namespace("edge-us".into())).is_allowed());
//!
//! let Decision::Deny(reason) = acl.allows(&logs, &Subject::Namespace("edge-eu".into())) else { panic!() };
//! assert_eq!(reason.to_string(), "missing namespace:read-logs or namespace:read-fs");
//! assert_eq!(reason.rule().unwrap().to_string(), "namespace \"edge-eu\" in policy \"ops\" (at 3:5)");
//! # Ok::<(), nomad_acl::PolicyError>(())
//! ```
//!
//! Nothing here knows a runtime, a socket, a file or a clock.
//!
//! # One decision, step by step
//!
//! A caller asks for the logs of an allocation. The allocation is looked up, and it lives in the
//! namespace `edge-eu`; that is the [`Subject`]. The call costs `read-logs` *or* `read-fs` in it; that
//! is the [`Requirement`]. The two rules above are candidates:
//!
//! 1. Is there a rule whose label is the very name? `"edge-eu"` is. An exact rule is the only one that
//!    counts, even an empty one; patterns are not asked any more. Had it been missing, `"edge-*"` would
//!    have been the one: of all patterns that match, the one with the most literal bytes counts, and of
//!    equals the greatest in byte order. Rules are never added up across labels.
//! 2. What do all rules with this label, of all policies, say together? Their words are united, but a
//!    single `deny` leaves nothing else. Here it is `deny` alone.
//! 3. Does it hold `read-logs`? No. `read-fs`? No. Denied, by the rule at line 3.
//!
//! Note what the deny does *not* do: it says nothing about `edge-us`, and a deny on `"edge-*"` would not
//! have touched a rule for `"edge-eu"`.
//!
//! # The language
//!
//! A policy is a text of blocks. It is HCL 1, which is laxer than HCL 2: no line end is ever needed, a
//! comma may follow any item, names may be quoted and are compared without regard to case. A text that
//! starts with `{` is JSON with the same members.
//!
//! | block | label | `policy` | `capabilities` |
//! |---|---|---|---|
//! | `namespace` | letters, digits, `-`, `*` | `deny` `read` `write` `scale` | [`NamespaceCapability`](capability::NamespaceCapability) |
//! | `variables { path "…" {} }`, in a namespace | any but a leading `/` | | [`PathCapability`](capability::PathCapability) |
//! | `node_pool` | those and `_` | `deny` `read` `write` | [`NodePoolCapability`](capability::NodePoolCapability) |
//! | `host_volume` | as `namespace` | `deny` `read` `write` | [`HostVolumeCapability`](capability::HostVolumeCapability) |
//! | `agent`, `node`, `quota` | none | `deny` `read` `write`, required | |
//! | `plugin` | none | `deny` `read` `list`, required | |
//! | `operator` | none | `deny` `read` `write` | [`OperatorCapability`](capability::OperatorCapability) |
//! | `sentinel` | none | `deny` `read` `write` | [`SentinelCapability`](capability::SentinelCapability) |
//!
//! A label with a `*` is a pattern; `*` is any run of characters, `/` included, and there is nothing
//! else to it. A level is short for a set of capabilities ([`BlockCapability::from_level`](capability::BlockCapability::from_level)),
//! and named capabilities add to it. What surprises people:
//!
//! * Variables are a world of their own: rights on a namespace give none on its variables, and a deny
//!   takes none away. There, a `deny` clears its own block only; other blocks for the same path add up.
//! * `write` on a namespace includes neither `alloc-node-exec` nor `csi-register-plugin`.
//! * `scale` outside a namespace and `write` on `plugin` are accepted and grant nothing. [`lint`] warns.
//! * A block without label that appears twice in one text is read into one: the later level wins, even
//!   over a deny. Across policies the strongest wins: deny, then write, read, list.
//! * In `operator` and `sentinel` the level `write` wins over a capability `deny`.
//! * An unknown capability fails the whole policy. Of a policy that a server holds and that cannot be read here, the
//!   server's own reading counts ([`Policy::from_stored`]).
//!
//! [`Policy::parse_strict`] reads as a server does when somebody writes a policy, [`lint`] adds warnings,
//! [`explain`] says which rule decides a call and what to add.
//!
//! # From a request to its proof
//!
//! Two tower layers stand at the front of a request's life, and one proof comes out of them:
//!
//! ```text
//!  http::Request<B>
//!    │  IDENTIFY  which call is it, and what may its token do?   asks Tokens
//!    ▼
//!  Identified<B> { call, acl, request }
//!    │  (somebody finds out whose object it is about: the Subject)
//!    ▼
//!  Q: AccessRequest
//!    │  ADMIT     may they?   pure: Acl + Requirement + Subject + the region that answers
//!    ▼
//!  Admitted<Q>    only this crate can write one
//! ```
//!
//! Whoever serves or forwards a request takes an [`Admitted`], so that nothing passes that was not decided about. The
//! proof is as honest as its [`Subject`]: the namespace of an allocation is the allocation's own, looked up, never the
//! one that the caller wrote into the query.
//!
//! Capabilities belong to a region. [`Identified`] carries a [`RegionalAcl`], which opens only what is answered in its region:
//! [`Admit`] compares it with what [`AccessRequest::destination`] says, and a mismatch is an error.
//!
//! [`tokens`] turns a token into an [`Acl`]: from a fixed table, or by asking Nomad's own API with the caller's own
//! token, remembered within limits.

mod acl;
mod admit;
mod block;
pub mod capability;
mod compile;
mod decision;
mod error;
mod explain;
mod glob;
mod hcl_parser;
mod identify;
mod json_parser;
mod label_index;
mod lexer;
mod lint;
mod policy;
mod records;
mod regional;
mod requirement;
mod subject;
mod syntax;
mod token_info;
pub mod tokens;
mod trie;
mod validate;
mod warning;

pub use self::{
    acl::{Acl, EnableDebug},
    admit::{AccessRequest, Admit, AdmitLayer, Admitted, Destination, OnDefer, PermissionDenied},
    block::Block,
    compile::NamedPolicy,
    decision::{Decision, DenyReason, Grant, Rule, RuleRange},
    error::PolicyError,
    explain::{Access, Advice, Explanation, Outcome, explain},
    identify::{
        HandshakeToken, Identified, Identify, IdentifyError, IdentifyLayer, resolve_request_token,
    },
    lint::{LintReport, lint},
    policy::{
        LabelRule, LevelRule, NamespaceRule, PathRule, Policy, PolicySource, StoredPolicy,
        UnlabelledRule,
    },
    regional::{RegionMismatch, RegionScope, RegionalAcl},
    requirement::{
        AccessLevel, AnyOf, Capability, CapabilityError, Requirement, ServerRequirement,
        SubjectSource,
    },
    subject::{Subject, Variable, WorkloadIdentity},
    tokens::{AclDeferred, AclDisabled, Freshness, LookupOptions, Tokens, TokensError},
    warning::Warning,
};
pub use crate::{
    syntax::{MAX_POLICY_DEPTH, MAX_POLICY_LEN, TextPosition},
    token_info::{TokenInfo, TokenInfoSlot},
};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
