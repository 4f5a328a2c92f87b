//! Look-ups that take their time: what was polled ready is what is called when they are over.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::future::join_all;
use nomad_acl::{Acl, RegionalAcl, Tokens, TokensError, Wanted};
use nomad_forward::{
    Belief, Caller, Denials, Directory, LocateError, Place, Table, Target, directory::Reachable,
    guarded,
};
use nomad_wire::{Region, SecretId};
use tokio::time::sleep;
use tower::ServiceBuilder;

use super::{
    agent::{Agent, HOST, table},
    ask, half, ok,
};

#[derive(Clone)]
struct Slow<T>(T);

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Tokens for Slow<()> {
    type Future = Waiting<Result<RegionalAcl, TokensError>>;

    fn resolve_for(&self, _token: Option<&SecretId>, _wanted: Wanted<'_>) -> Self::Future {
        Box::pin(async {
            sleep(Duration::from_secs(1)).await;
            Ok(RegionalAcl::everywhere(Acl::disabled()))
        })
    }
}

impl Directory for Slow<Table> {
    type Locate = Waiting<Result<Place, LocateError>>;

    fn locate(&self, target: &Target, region: Option<&Region>, caller: Caller<'_>) -> Self::Locate {
        let place = self.0.locate(target, region, caller);
        Box::pin(async {
            sleep(Duration::from_secs(1)).await;
            place.await
        })
    }

    fn observe(&self, agent: &Arc<nomad_forward::Agent>, reachable: Reachable) {
        self.0.observe(agent, reachable);
    }

    fn fleet(&self) -> Vec<Belief> {
        self.0.fleet()
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_kept_over_a_look_up() {
    let agent = Agent::default();
    let limited = ServiceBuilder::new().concurrency_limit(2).service(half(&agent));
    let chain = guarded(limited, Slow(table()), Slow(()), Denials::Silent);
    assert_eq!(join_all((0..6).map(|_| ask(&chain, HOST))).await, vec![ok(); 6]);
    assert_eq!(agent.most_at_once(), 2);
}
