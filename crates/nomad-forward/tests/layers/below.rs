//! The same layers between the rooms behind the decision.

use std::time::Duration;

use futures_util::future::join_all;
use nomad_acl::AclDisabled;
use nomad_forward::{Denials, Forward, Hasten, Mend, Resolve, Share, ShareLimits, Shares, guarded};
use tower::ServiceBuilder;

use super::{
    agent::{Agent, HOST, SILENT, table},
    ask, ok,
};

#[tokio::test(start_paused = true)]
async fn layers_fit_between_the_rooms_that_ask_the_agent() {
    let agent = Agent::default();
    let forward = Forward::new(agent.clone(), table());
    let below = ServiceBuilder::new()
        .load_shed()
        .buffer(8)
        .concurrency_limit(1)
        .timeout(Duration::from_secs(5))
        .service(forward);
    let inner = Resolve::new(Hasten::new(Mend::new(Share::new(below, Shares::default()))));
    let chain = guarded(inner, table(), AclDisabled, Denials::Silent);
    assert_eq!(join_all((0..3).map(|_| ask(&chain, HOST))).await, vec![ok(); 3]);
    assert_eq!(agent.most_at_once(), 1);
    assert_eq!(ask(&chain, SILENT).await, (503, "the request took too long".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn who_joined_a_request_and_must_ask_after_all_waits_for_a_place_like_anybody() {
    let agent = Agent::default();
    let limited =
        ServiceBuilder::new().concurrency_limit(3).service(Forward::new(agent.clone(), table()));
    // No answer is small enough to be shared.
    let shares = Shares::new(ShareLimits { body: 1, ..ShareLimits::default() });
    let inner = Resolve::new(Hasten::new(Mend::new(Share::new(limited, shares.clone()))));
    let chain = guarded(inner, table(), AclDisabled, Denials::Silent);
    let answers = join_all((0..9).map(|_| ask(&chain, "/v1/jobs?index=7"))).await;
    assert_eq!(answers, vec![ok(); 9]);
    assert_eq!(shares.shared(), 8, "all of them waited for the first one's answer");
    assert_eq!(agent.most_at_once(), 3);
}
