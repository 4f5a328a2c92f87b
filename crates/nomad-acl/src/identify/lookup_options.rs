//! Whose ACL decides a call, and how recent it must be.
//!
//! | call | answers | rights of |
//! |---|---|---|
//! | names a node, a server or an allocation | that agent | the region in which it is looked for: the one named, else the own one |
//! | may name a node in its body (`client/metadata`, `identity/renew`) | that node's agent; where it names none, one of the own region | the region that is named, else the own one |
//! | any other of an agent or a client that names none | an agent of the own region, which does not look at `region` | the own region |
//! | `/v1/metrics` | a server of the own region, which does not look at `region` | the own region |
//! | everything else | servers, which take it to the region that is named | that region |
//!
//! A mistake here opens nothing: whoever decides compares the region of the rights with the one that answers.

use http::Uri;
use nomad_wire::{Call, Region, Route};

use crate::Freshness;

/// Whether this path, which is no agent's call, is answered by the server that gets it, and asks for no right there. A join
/// is among them where a slash in it is escaped: Nomad 1.7 and older take it for one all the same.
fn is_answered_by_first_server(uri: &Uri) -> bool {
    matches!(&*Route::decoded_path(uri), "/v1/metrics" | "/v1/agent/join")
}

/// The region whose rights count; `None` is the own one.
pub(super) fn region<'a>(call: &'a Call, uri: &Uri) -> Option<&'a Region> {
    let named = call.region.as_ref()?;
    let is_routed_by_region =
        call.is_regional().unwrap_or_else(|| !is_answered_by_first_server(uri));
    is_routed_by_region.then_some(named)
}

/// Recent for what only an edge asks a right for, and for monitors: who joins one that is open already is seen by no
/// agent.
pub(super) fn freshness(route: &Route, uri: &Uri) -> Freshness {
    let is_recent = route.spec().needs_recent_token
        || (*route == Route::Pass && is_answered_by_first_server(uri));
    if is_recent { Freshness::Recent } else { Freshness::Usual }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const ID: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

    fn asked(path: &str) -> Option<Region> {
        let uri: Uri = path.replace("{id}", ID).parse().unwrap();
        let method =
            if path.contains("join") || path.contains("renew") { Method::PUT } else { Method::GET };
        region(&Call::parse(&method, &uri).unwrap(), &uri).cloned()
    }

    #[test]
    fn a_call_is_decided_with_the_acl_of_the_region_that_responds() {
        for path in [
            "/v1/agent/self?region=east&server_id=leader",
            "/v1/agent/host?region=east&node_id=x",
            "/v1/agent/monitor?region=east&client_id=x",
            "/v1/client/stats?region=east&node_id=x",
            "/v1/client/fs/ls/{id}?region=east",
            "/v1/client/allocation/{id}/stats?region=east",
            "/v1/event/stream?region=east",
            "/v1/client/identity/renew?region=east",
            "/v1/jobs?region=east",
        ] {
            assert_eq!(asked(path), Some(Region::new("east")), "{path}");
        }
        for path in [
            "/v1/agent/self?region=east",
            "/v1/agent/monitor?region=east&node_id=&server_id=",
            "/v1/agent/host?region=east&client_id=x",
            "/v1/agent/join?region=east&address=10.0.0.9",
            "/v1/client/stats?region=east",
            "/v1/metrics?region=east",
            "/v1/metric%73?region=east&format=prometheus",
            "/v1/agent%2Fjoin?region=east",
            "/v1/jobs",
            "/v1/jobs?region=",
        ] {
            assert_eq!(asked(path), None, "{path}");
        }
    }
}
