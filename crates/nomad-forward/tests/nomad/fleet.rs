//! A fleet of ten thousand nodes: what it costs to know them.

use std::hint::black_box;

use futures_util::FutureExt as _;
use nomad_forward::{Directory as _, LookupContext, Target};

use crate::{
    cluster::{Cluster, TOKEN},
    discovery::{Nomad, directory, node},
};

const FLEET: u32 = 10_000;

/// Far below what a gateway of a hundred megabytes would notice.
const MEMORY: i64 = 20 << 20;

fn id(n: u32) -> String {
    format!("{:08x}-7630-ebf4-b8b8-c11ee8847863", n.wrapping_mul(0x9E37_79B9))
}

async fn look_at_all(nomad: &Nomad) {
    for n in 0..FLEET {
        let place = nomad.locate(&node(&id(n)), None, LookupContext::default()).await.unwrap();
        assert_eq!(place.agent.name(), format!("client-{n:05}"));
    }
}

#[test]
fn ten_thousand_nodes_fit_in_twenty_megabytes_and_are_then_known_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::start(Some(TOKEN)));
    let address = cluster.clients[0].to_string();
    cluster.state.send_modify(|state| {
        let nodes = (0..FLEET).map(|n| (id(n), format!("client-{n:05}"), address.clone(), 5));
        state.nodes = std::sync::Arc::new(nodes.collect());
    });
    let mut kept = None;
    // The scripted servers keep nothing of a question but its line.
    let used = allocation_counter::measure(|| {
        let (nomad, mut watch) = directory(&cluster, Some(TOKEN));
        runtime.block_on(async {
            watch.initial_refresh().await;
            look_at_all(&nomad).await;
        });
        cluster.asked.lock().unwrap().clear();
        cluster.asked.lock().unwrap().shrink_to_fit();
        kept = Some((nomad, watch));
    });
    let (nomad, _watch) = kept.unwrap();
    assert_eq!(nomad.nodes(), FLEET as usize);
    assert!(used.bytes_current < MEMORY, "{} bytes", used.bytes_current);
    println!("{} bytes for {FLEET} nodes", used.bytes_current);

    // Nobody is asked any more, and each look-up is ready when it is made.
    let targets: Vec<Target> = (0..FLEET).map(|n| node(&id(n))).collect();
    let cost = allocation_counter::measure(|| {
        for target in &targets {
            let place =
                nomad.locate(black_box(target), None, LookupContext::default()).now_or_never();
            assert!(place.unwrap().is_ok());
        }
    });
    assert_eq!(cost.count_total, 0, "a known node is found without allocating");
    assert!(cluster.asked("/v1/").is_empty());
}
