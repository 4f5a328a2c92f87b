//! How long does it take to say where one node of ten thousand is? Budget: 100 ns.
//!
//! The directory of a cluster is filled from its configuration here, which is the same table that answers after a
//! node was asked for once; that no look-up of a known node asks anybody is a test of nomad-forward.

use std::{hint::black_box, net::SocketAddr, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use nomad_forward::{
    Agent, Directory as _, LookupContext, NomadApi, NomadDirectory, NomadOptions, Target,
    TcpConnect,
};
use nomad_wire::Region;

const NODES: u32 = 10_000;

fn id(n: u32) -> String {
    format!("{:08x}-7630-ebf4-b8b8-c11ee8847863", n.wrapping_mul(0x9E37_79B9))
}

fn directory() -> NomadDirectory<TcpConnect> {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let region = Region::default();
    let mut options = NomadOptions::default();
    options.nodes = (0..NODES)
        .filter_map(|n| {
            let id = id(n).parse().ok()?;
            Agent::client(&format!("client-{n:05}"), id, region.clone(), address).ok()
        })
        .map(Arc::new)
        .collect();
    let seed = Arc::new(Agent::seed(region, address));
    NomadDirectory::new(NomadApi::new(TcpConnect, vec![seed]), options).0
}

fn look_up(criterion: &mut Criterion) {
    let nomad = directory();
    let targets: Vec<Target> = (0..NODES).map(|n| Target::Node((&*id(n)).into())).collect();
    let mut next = targets.iter().cycle();
    criterion.bench_function("where is one node of ten thousand", |bench| {
        bench.iter(|| {
            let target = next.next().map(black_box);
            target.map(|target| nomad.locate(target, None, LookupContext::default()).now_or_never())
        });
    });
}

criterion_group!(benches, look_up);
criterion_main!(benches);
