//! Which calls a server relays to the agent they name.
//!
//! For these a server will do when there is no way to the agent itself, since the target stays in the query. For all
//! others a server would answer about itself, which is worse than no answer.

use nomad_wire::{Route, Target, spec::Relay};

/// Whether a server that gets this call asks the agent that is meant.
pub(crate) const fn is_relayable(route: &Route, target: &Target) -> bool {
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
    fn a_call_is_relayed_where_a_server_does_not_serve_it_itself() {
        let node = Target::Node("x".into());
        let server = Target::Server("server1".into());
        assert!(is_relayable(&Route::Monitor, &node) && is_relayable(&Route::Monitor, &server));
        assert!(!is_relayable(&Route::SelfInfo, &node) && !is_relayable(&Route::Health, &server));
        assert!(is_relayable(&Route::MonitorExport, &node));
        assert!(!is_relayable(&Route::MonitorExport, &server));
        assert!(!is_relayable(&Route::Pass, &Target::AnyServer));
    }
}
