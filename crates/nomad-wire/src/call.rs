//! One call of the API, with its query, parsed once.
//!
//! Whoever identifies a request makes its [`Call`], and every layer behind reads what it needs from there: which agent is
//! named, whether a log is followed, how long a blocking query waits. A fault in the query is part of the call, for Nomad
//! reports it only after it has looked at other things, and each layer knows when its turn is.

mod class;
mod params;
mod target;

use http::{Method, Uri};

pub use self::{
    class::{CallClass, FirstByte, StreamHead},
    params::Params,
    target::Target,
};
use crate::{
    Query, QueryError, Region, Route, RouteError,
    query::QueryOptions,
    spec::{BodyTarget, RouteClass, Stream, TargetKeys},
};

/// A route with its parsed query.
///
/// ```
/// use http::{Method, Uri};
/// use nomad_wire::{Call, Target, call::Params};
///
/// let uri = Uri::from_static("/v1/agent/monitor?server_id=leader&plain=true");
/// let call = Call::parse(&Method::GET, &uri)?;
/// assert_eq!(call.target, Ok(Target::Leader));
/// let Ok(Params::Monitor(monitor)) = &call.params else { unreachable!() };
/// assert!(monitor.plain);
/// # Ok::<(), nomad_wire::RouteError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The route.
    pub route: Route,
    /// The region that the query names, whether or not the route heeds it.
    pub region: Option<Region>,
    /// The agent that the query names, or the fault in naming it.
    pub target: Result<Target, QueryError>,
    /// What the route's own parameters say, or the first fault in them.
    pub params: Result<Params, QueryError>,
    /// What every endpoint reads, or the first fault in it.
    pub common: Result<QueryOptions, QueryError>,
}

impl Call {
    /// The call that a request makes.
    ///
    /// # Errors
    /// Those of [`Route::parse`]. A fault in the query is part of the call.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, RouteError> {
        Route::parse(method, uri).map(|route| Self::of(route, &Query::from_uri(uri)))
    }

    /// A call of a route, with this query.
    #[must_use]
    pub fn of(route: Route, query: &Query<'_>) -> Self {
        Self {
            region: query.non_empty("region").map(|region| Region::new(&region)),
            target: Target::from_call(&route, query),
            params: Params::parse(&route, query),
            common: QueryOptions::parse(query),
            route,
        }
    }

    /// Whether the agent that serves it is looked for in the region that it names; `None` where the path decides, which is
    /// no call of agents.
    #[must_use]
    pub fn is_regional(&self) -> Option<bool> {
        let spec = &self.route.spec().target;
        // The body, which nobody has read yet, may name the node.
        if spec.body != BodyTarget::Never {
            return Some(true);
        }
        match spec.keys {
            TargetKeys::None => None,
            TargetKeys::Allocation => Some(true),
            TargetKeys::Node | TargetKeys::Agent | TargetKeys::AgentOrPage => {
                Some(self.target.as_ref().map_or(true, Target::is_explicit))
            }
        }
    }

    /// When the response begins to go on, if it does.
    #[must_use]
    pub fn opening(&self) -> Option<StreamHead> {
        let plain_or_framed =
            |plain| if plain { StreamHead::WithFirstByte } else { StreamHead::Immediate };
        match self.params.as_ref().ok()? {
            Params::Monitor(monitor) => Some(plain_or_framed(monitor.plain)),
            // An export that is not followed ends by itself, but a journal of three days is long.
            Params::Export(export) => Some(plain_or_framed(export.plain)),
            Params::Logs(logs) => logs.follow.then(|| plain_or_framed(logs.plain)),
            Params::Stream(file) => file.follow.then_some(StreamHead::Immediate),
            Params::Snapshot => Some(StreamHead::WithFirstByte),
            Params::None
            | Params::Pprof(_)
            | Params::List(_)
            | Params::Stat(_)
            | Params::Cat(_)
            | Params::ReadAt(_) => None,
        }
    }

    /// Whether the response goes on, or is waited for, until something changes or the client leaves: a stream that is
    /// followed, or a blocking query.
    #[must_use]
    pub fn is_open_ended(&self, method: &Method, uri: &Uri) -> bool {
        match self.class(method, uri, false) {
            CallClass::Blocking(_) => true,
            // A snapshot is long, and ends by itself.
            CallClass::Stream(_) => self.route.spec().class != RouteClass::Stream(Stream::Snapshot),
            CallClass::Read
            | CallClass::SlowRead
            | CallClass::Profile(_)
            | CallClass::Change
            | CallClass::Upgrade => false,
        }
    }
}
