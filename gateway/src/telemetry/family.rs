//! Calls by family: few enough for a label.

use nomad_wire::{Route, spec};

/// A family of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Family {
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
    Own,
    NoCall,
}

impl Family {
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
        Self::Own,
        Self::NoCall,
    ];

    /// The family of a request; a path below `/v1/gateway/` is no route of Nomad's.
    pub(super) fn of(route: Option<&Route>, path: &str) -> Self {
        match route {
            Some(Route::Pass) if path.starts_with(crate::own::PREFIX) => Self::Own,
            Some(route) => Self::of_route(route),
            None => Self::NoCall,
        }
    }

    const fn of_route(route: &Route) -> Self {
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
            Self::Own => "gateway",
            Self::NoCall => "no_call",
        }
    }

    /// Nomad relays such a call through its servers unless the caller finds the agent by itself.
    pub(super) const fn is_relayed_by_nomad(self) -> bool {
        !matches!(self, Self::Pass | Self::Own | Self::NoCall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_stands_at_its_own_place() {
        for (place, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, place);
        }
    }
}
