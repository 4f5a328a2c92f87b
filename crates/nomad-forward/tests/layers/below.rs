//! The same layers between the rooms behind the decision.

use std::time::Duration;

use futures_util::future::join_all;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Coalesce, CoalesceLimits, CoalescedRequests, DenialDetail, EarlyResponse, Forward, Select,
    StatusFix, authorized_stack,
};
use tower::ServiceBuilder;

use super::{
    agent::{Agent, HOST, SILENT, table},
    ask, ok,
};

#[tokio::test(start_paused = true)]
async fn layers_fit_between_the_layers_of_the_upstream_stack() {
    let agent = Agent::default();
    let forward = Forward::new(agent.clone(), table());
    let below = ServiceBuilder::new()
        .load_shed()
        .buffer(8)
        .concurrency_limit(1)
        .timeout(Duration::from_secs(5))
        .service(forward);
    let inner = Select::new(EarlyResponse::new(StatusFix::new(Coalesce::new(
        below,
        CoalescedRequests::default(),
    ))));
    let chain = authorized_stack(inner, table(), AclDisabled, DenialDetail::Silent);
    assert_eq!(join_all((0..3).map(|_| ask(&chain, HOST))).await, vec![ok(); 3]);
    assert_eq!(agent.most_at_once(), 1);
    assert_eq!(ask(&chain, SILENT).await, (503, "the request took too long".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_coalesced_request_that_must_be_sent_after_all_waits_for_a_permit_like_any() {
    let agent = Agent::default();
    let limited =
        ServiceBuilder::new().concurrency_limit(3).service(Forward::new(agent.clone(), table()));
    // No answer is small enough to be shared.
    let shares =
        CoalescedRequests::new(CoalesceLimits { response_bytes: 1, ..CoalesceLimits::default() });
    let inner =
        Select::new(EarlyResponse::new(StatusFix::new(Coalesce::new(limited, shares.clone()))));
    let chain = authorized_stack(inner, table(), AclDisabled, DenialDetail::Silent);
    let answers = join_all((0..9).map(|_| ask(&chain, "/v1/jobs?index=7"))).await;
    assert_eq!(answers, vec![ok(); 9]);
    assert_eq!(shares.coalesced_total(), 8, "all of them waited for the first one's answer");
    assert_eq!(agent.most_at_once(), 3);
}
