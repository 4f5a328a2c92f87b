//! Which calls a server passes on to the agent that is meant.
//!
//! For these a server will do when there is no way to the agent itself, since the target stays in the query. For all
//! others a server would answer about itself, which is worse than no answer.

use nomad_wire::{Route, Target, spec::Relay};

/// Whether a server that gets this call asks the agent that is meant.
pub(crate) const fn passes_on(route: &Route, target: &Target) -> bool {
    let relay = route.spec().target.relay;
    match target {
        Target::AnyServer | Target::AnyClient | Target::SoleServer | Target::SoleClient => false,
        Target::Allocation(_) => matches!(relay, Relay::Allocation),
        Target::Node(_) => match relay {
            Relay::Node | Relay::NodeOrServer | Relay::NodeAndMistakesServer => true,
            Relay::Never | Relay::Allocation => false,
        },
        Target::Leader | Target::Server(_) => match relay {
            Relay::NodeOrServer => true,
            Relay::Never | Relay::Allocation | Relay::Node | Relay::NodeAndMistakesServer => false,
        },
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
