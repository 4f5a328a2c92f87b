//! Many callers at once, of every kind, while one agent dies twice: no wrong answer, errors for the dead agent's callers
//! only, and afterwards the gateway holds what it held before.
//!
//! The test makes a small crowd. `tests/load.sh` makes a large one by `NOMAD_LOAD_CALLERS` and `NOMAD_LOAD_SECONDS`.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod callers;
mod fleet;
mod gateway;
mod servers;
mod tally;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{
    callers::{LoadClient, Workload},
    fleet::ClientAgent,
    gateway::{Gateway, ResourceUsage},
    servers::Servers,
    tally::LoadStats,
};

/// So many client agents; the first one dies.
const CLIENTS: usize = 3;

fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_served_while_an_agent_dies_twice() {
    let callers = setting("NOMAD_LOAD_CALLERS", 80);
    let seconds = setting("NOMAD_LOAD_SECONDS", 6);
    let dir = tempfile::tempdir().unwrap();
    let mut tasks = JoinSet::new();
    let mut clients = Vec::new();
    for n in 1..=CLIENTS {
        clients.push(ClientAgent::start(dir.path(), n).await);
    }
    let servers = Servers::start(&mut tasks, &clients).await;
    let gateway = Gateway::start(dir.path(), &servers.addresses);

    // First crowds fill caches, pools and the allocator; what the last one adds to them must go away again.
    let calm = Arc::new(LoadStats::default());
    run_load(&gateway, &clients, callers, &calm, sleep(Duration::from_secs(2))).await;
    calm.report("warm-up");
    assert_eq!(calm.wrong(), Vec::<String>::new());
    assert_eq!(calm.failed(), 0, "nobody died in the warm-up");

    let part = Duration::from_secs(seconds as u64) / 5;
    // While an agent is dead more is under way than ever else.
    let rough = Arc::new(LoadStats::default());
    let soon = part.min(Duration::from_secs(2));
    run_load_with_deaths(&gateway, &mut clients, callers, &rough, (1, soon)).await;
    rough.report("with an agent that dies");
    assert_eq!(rough.wrong(), Vec::<String>::new());
    let before = gateway.usage_at_rest().await;

    let tally = Arc::new(LoadStats::default());
    run_load_with_deaths(&gateway, &mut clients, callers, &tally, (2, part)).await;
    tally.report("with an agent that dies twice");
    assert_eq!(tally.wrong(), Vec::<String>::new());
    assert!(tally.failed() > 0, "nobody noticed that an agent died");
    assert!(tally.responses() > callers, "hardly anybody was served");

    let after = gateway.usage_at_rest().await;
    before.compare_with(after).report();
    assert!(ResourceUsage::is_no_leak(&before, &after), "{before:?} before, {after:?} after");
}

/// The first agent dies so often, and is dead so long each time.
async fn run_load_with_deaths(
    gateway: &Gateway,
    clients: &mut [ClientAgent],
    callers: usize,
    tally: &Arc<LoadStats>,
    (deaths, part): (usize, Duration),
) {
    let everybody: Vec<_> = clients.iter().map(ClientAgent::info).collect();
    let victim = &mut clients[0];
    let dying = async {
        for _ in 0..deaths {
            sleep(part).await;
            victim.kill();
            sleep(part).await;
            victim.restart().await;
        }
        sleep(part).await;
    };
    run_clients(gateway, everybody, callers, tally, dying).await;
}

async fn run_load(
    gateway: &Gateway,
    clients: &[ClientAgent],
    callers: usize,
    tally: &Arc<LoadStats>,
    meanwhile: impl Future<Output = ()>,
) {
    let places = clients.iter().map(ClientAgent::info).collect();
    run_clients(gateway, places, callers, tally, meanwhile).await;
}

/// Callers of every kind, until what happens meanwhile has happened. Nobody is cut off: each ends its call.
async fn run_clients(
    gateway: &Gateway,
    places: Vec<fleet::AgentInfo>,
    callers: usize,
    tally: &Arc<LoadStats>,
    meanwhile: impl Future<Output = ()>,
) {
    let (stop, stopped) = watch::channel(false);
    let (places, mut crowd) = (Arc::new(places), JoinSet::new());
    for n in 0..callers {
        let caller = LoadClient {
            gateway: gateway.address,
            agents: Arc::clone(&places),
            number: n,
            workload: Workload::from_number(n),
            stats: Arc::clone(tally),
            shutdown: stopped.clone(),
        };
        crowd.spawn(caller.run());
    }
    meanwhile.await;
    stop.send_replace(true);
    while let Some(ended) = crowd.join_next().await {
        ended.unwrap();
    }
}
