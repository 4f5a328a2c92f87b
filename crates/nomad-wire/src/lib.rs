//! What is said on the wire between Nomad's HTTP API and its callers, as types.
//!
//! The crate is a vocabulary: it knows which calls exist ([`Route`]) and what is known of each ([`spec`]), how their
//! parameters are read ([`Call`], [`query`]), what names things ([`NodeId`], [`AllocId`], [`ServerId`]), where the token
//! stands ([`header`]), and how an error is put ([`HttpError`]). It knows no runtime, no socket, no file and no clock.
//!
//! ```
//! use http::{Method, Uri};
//! use nomad_wire::{FsRoute, Query, Route, query::LogsQuery};
//!
//! let uri: Uri = "/v1/client/fs/logs/13651909-dd6d-35ce-5da0-5004769668b3?task=web&type=stdout&follow=true"
//!     .parse()?;
//! let Ok(Route::Fs(FsRoute::Logs, alloc)) = Route::parse(&Method::GET, &uri) else { unreachable!() };
//! let logs = LogsQuery::parse(&alloc, &Query::from_uri(&uri))?;
//! assert_eq!(&*logs.task, "web");
//! assert!(logs.follow && !logs.plain);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Parameters are read as Nomad reads them and refused in its words, because callers match on them:
//!
//! ```
//! use nomad_wire::{HttpError, Query, query::MonitorQuery};
//!
//! let error = MonitorQuery::parse(&Query::new("log_level=loud")).unwrap_err();
//! let fault = HttpError::from(error);
//! assert_eq!((fault.status().as_u16(), fault.text()), (400, "Unknown log level: loud"));
//! ```

mod cross_origin;
mod go;
mod http_error;
mod id;
mod name;
mod route;
mod secret;

pub mod agent;
pub mod call;
pub mod client;
pub mod header;
pub mod json;
pub mod query;

pub use self::{
    call::{Call, Target},
    cross_origin::CrossOrigin,
    go::{BoolError, DurationError, IntError, quote},
    id::{AllocId, IdError, IdParam, NodeId, ServerId},
    name::{Namespace, Region},
    query::{Query, QueryError},
    route::{AllocRoute, FsRoute, KeyringRoute, Route, RouteError, spec},
    secret::SecretId,
};
pub use crate::http_error::HttpError;

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
