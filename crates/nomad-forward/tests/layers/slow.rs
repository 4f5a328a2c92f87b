//! Look-ups that take their time: what was polled ready is what is called when they are over.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::future::join_all;
use nomad_acl::{Acl, LookupOptions, RegionalAcl, Tokens, TokensError};
use nomad_forward::{
    AgentHealth, DenialDetail, Directory, DirectoryError, Location, LookupContext, StaticDirectory,
    Target, authorized_stack, directory::Reachability,
};
use nomad_wire::{Region, SecretId};
use tokio::time::sleep;
use tower::ServiceBuilder;

use super::{
    agent::{Agent, HOST, table},
    ask, inner_stack, ok,
};

#[derive(Clone)]
struct Slow<T>(T);

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Tokens for Slow<()> {
    type Future = Waiting<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _token: Option<&SecretId>, _wanted: LookupOptions<'_>) -> Self::Future {
        Box::pin(async {
            sleep(Duration::from_secs(1)).await;
            Ok(RegionalAcl::valid_everywhere(Acl::disabled()))
        })
    }
}

impl Directory for Slow<StaticDirectory> {
    type Future = Waiting<Result<Location, DirectoryError>>;

    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        caller: LookupContext<'_>,
    ) -> Self::Future {
        let place = self.0.locate(target, region, caller);
        Box::pin(async {
            sleep(Duration::from_secs(1)).await;
            place.await
        })
    }

    fn observe(&self, agent: &Arc<nomad_forward::Agent>, reachable: Reachability) {
        self.0.observe(agent, reachable);
    }

    fn agent_health(&self) -> Vec<AgentHealth> {
        self.0.agent_health()
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_kept_over_a_look_up() {
    let agent = Agent::default();
    let limited = ServiceBuilder::new().concurrency_limit(2).service(inner_stack(&agent));
    let chain = authorized_stack(limited, Slow(table()), Slow(()), DenialDetail::Silent);
    assert_eq!(join_all((0..6).map(|_| ask(&chain, HOST))).await, vec![ok(); 6]);
    assert_eq!(agent.most_at_once(), 2);
}
