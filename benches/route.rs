//! How long does it take to know what is asked, of whom, and where that is?
//!
//! Route parse, target, and a look-up in a directory of 10,000 nodes: what every request pays before it may be sent.
//! Run with `cargo bench -p nomad-benches --bench route`.

use std::{hint::black_box, net::SocketAddr, task::Poll};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{Method, Uri};
use nomad_forward::{Agent, Directory as _, LookupContext, StaticDirectory, Target};
use nomad_wire::{NodeId, Query, Region, Route};

const NODES: u32 = 10_000;

fn node(number: u32) -> NodeId {
    let id = format!("{number:08x}-97b4-c4f6-fe3a-7f7ce856a9d4");
    id.parse().expect("eight digits and a well-formed rest")
}

fn directory() -> StaticDirectory {
    let address = SocketAddr::from(([127, 0, 0, 1], 4646));
    let agents = (0..NODES).map(|number| {
        Agent::client(&format!("client{number}"), node(number), Region::default(), address)
    });
    agents
        .fold(StaticDirectory::builder(Region::default()), |table, agent| {
            table.agent(agent.expect("a plain name"))
        })
        .build()
}

fn calls() -> [(&'static str, Uri); 3] {
    [
        ("agent", Uri::from_static("/v1/agent/members")),
        ("node", Uri::from_static("/v1/client/stats?node_id=00001a2b-97b4-c4f6-fe3a-7f7ce856a9d4")),
        (
            "allocation",
            Uri::from_static(
                "/v1/client/fs/logs/13651909-dd6d-35ce-5da0-5004769668b3?follow=true&offset=0&origin=start&task=web&type=stdout",
            ),
        ),
    ]
}

fn route(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    for (name, uri) in calls() {
        group.bench_function(name, |bench| {
            bench.iter(|| Route::parse(&Method::GET, black_box(&uri)))
        });
    }
}

fn target(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("target");
    for (name, uri) in calls() {
        let route = Route::parse(&Method::GET, &uri).expect("a call");
        group.bench_function(name, |bench| {
            bench.iter(|| Target::from_call(black_box(&route), &Query::from_uri(&uri)))
        });
    }
}

fn locate(criterion: &mut Criterion) {
    let table = directory();
    let allocation = "13651909-dd6d-35ce-5da0-5004769668b3";
    table.insert_allocation(
        allocation.parse().expect("a well-formed id"),
        node(7),
        "default".into(),
    );
    let mut group = criterion.benchmark_group("locate in 10,000 nodes");
    for (name, target) in [
        ("node", Target::Node(node(0x1a2b).as_str().into())),
        ("allocation", Target::Allocation(allocation.into())),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                match poll(table.locate(black_box(&target), None, LookupContext::default())) {
                    Poll::Ready(place) => place.is_ok(),
                    Poll::Pending => false,
                }
            });
        });
    }
}

/// One poll is enough: a table answers at once.
fn poll<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    std::pin::Pin::new(&mut future)
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

criterion_group!(benches, route, target, locate);
criterion_main!(benches);
