//! Which calls a server passes on to the agent that is meant.
//!
//! For these a server will do when there is no way to the agent itself, since the target stays in the query. For all
//! others a server would answer about itself, which is worse than no answer.

use nomad_wire::Route;

use crate::Target;

/// Whether a server that gets this call asks the agent that is meant.
pub(crate) const fn passes_on(route: &Route, target: &Target) -> bool {
    match target {
        Target::AnyServer | Target::AnyClient | Target::SoleServer | Target::SoleClient => false,
        Target::Allocation(_) => true,
        Target::Node(_) => matches!(
            route,
            Route::Host
                | Route::Monitor
                | Route::MonitorExport
                | Route::Pprof(_)
                | Route::ClientStats
                | Route::ClientGc
                | Route::Metadata
                | Route::SetMetadata
                | Route::Identity
                | Route::RenewIdentity
        ),
        // An export for another server is answered by the wrong handler: the caller would get a live log.
        Target::Leader | Target::Server(_) => {
            matches!(route, Route::Host | Route::Monitor | Route::Pprof(_))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_passes_on_what_it_does_not_answer_itself() {
        let node = Target::Node("x".into());
        let server = Target::Server("server1".into());
        assert!(passes_on(&Route::Monitor, &node) && passes_on(&Route::Monitor, &server));
        assert!(!passes_on(&Route::SelfInfo, &node) && !passes_on(&Route::Health, &server));
        assert!(passes_on(&Route::MonitorExport, &node));
        assert!(!passes_on(&Route::MonitorExport, &server));
        assert!(!passes_on(&Route::Pass, &Target::AnyServer));
    }
}
