//! Calls by family: few enough for a label.

use nomad_wire::{Route, spec};

/// A family of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum RouteClass {
    Agent,
    Monitor,
    Pprof,
    Client,
    Files,
    FileStream,
    Logs,
    Allocation,
    Exec,
    Pass,
    Gateway,
    Invalid,
}

impl RouteClass {
    pub(super) const ALL: [Self; 12] = [
        Self::Agent,
        Self::Monitor,
        Self::Pprof,
        Self::Client,
        Self::Files,
        Self::FileStream,
        Self::Logs,
        Self::Allocation,
        Self::Exec,
        Self::Pass,
        Self::Gateway,
        Self::Invalid,
    ];

    /// The family of a request; a path below `/v1/gateway/` is no route of Nomad's.
    pub(super) fn from_request(route: Option<&Route>, path: &str) -> Self {
        match route {
            Some(Route::Pass) if path.starts_with(crate::proxy::admin::PATH_PREFIX) => {
                Self::Gateway
            }
            Some(route) => Self::from_route(route),
            None => Self::Invalid,
        }
    }

    const fn from_route(route: &Route) -> Self {
        match route.spec().family {
            spec::Family::Agent => Self::Agent,
            spec::Family::Monitor => Self::Monitor,
            spec::Family::Pprof => Self::Pprof,
            spec::Family::Client => Self::Client,
            spec::Family::Files => Self::Files,
            spec::Family::FileStream => Self::FileStream,
            spec::Family::Logs => Self::Logs,
            spec::Family::Allocation => Self::Allocation,
            spec::Family::Exec => Self::Exec,
            spec::Family::Pass => Self::Pass,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Monitor => "monitor",
            Self::Pprof => "pprof",
            Self::Client => "client",
            Self::Files => "files",
            Self::FileStream => "file_stream",
            Self::Logs => "logs",
            Self::Allocation => "allocation",
            Self::Exec => "exec",
            Self::Pass => "pass",
            Self::Gateway => "gateway",
            Self::Invalid => "no_call",
        }
    }

    /// Nomad relays such a call through its servers unless the caller finds the agent by itself.
    pub(super) const fn is_relayed_by_nomad(self) -> bool {
        !matches!(self, Self::Pass | Self::Gateway | Self::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_class_is_at_its_own_index() {
        for (place, family) in RouteClass::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, place);
        }
    }
}
