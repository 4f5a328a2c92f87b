//! What does a decision cost, and what does it cost to know who asks?
//!
//! Budget: a decision among 100 rules below 100 ns and without an allocation (that half is a test,
//! `crates/nomad-acl/tests/bounds.rs`); resolving a remembered token below 200 ns with 100,000 tokens
//! remembered. Compiling is here for scale: it happens once for each set of policies.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "criterion's macros write undocumented functions, and a bench may fail loudly"
)]

use std::{
    future::{Ready, ready},
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nomad_acl::{
    Acl, Policy, Requirement, Subject, Tokens,
    tokens::{
        Clock, ResolvedToken, TokenCache, TokenCacheLimits, TokenLookup, TokenLookupError,
        TokenTable,
    },
};
use nomad_wire::{AllocRoute, Route, SecretId};

/// `count` rules: names, patterns that start alike, or patterns that end alike.
fn policy(count: usize, label: impl Fn(usize) -> String) -> Policy {
    let rule = |index: usize| {
        let level = if index == count / 2 { "deny" } else { "read" };
        format!("namespace \"{}\" {{ policy = \"{level}\" }}\n", label(index))
    };
    (0..count).map(rule).collect::<String>().parse().unwrap()
}

fn decisions(c: &mut Criterion) {
    let stats = Requirement::for_route(&Route::Allocation(AllocRoute::Stats, "".into()));
    let mut group = c.benchmark_group("acl/decide");
    for count in [1_usize, 10, 100, 1_000] {
        let last = count - 1;
        let denied = count / 2;
        let exact = policy(count, |index| format!("team-{index:04}"));
        let prefix = policy(count, |index| format!("team-{index:04}-*"));
        let suffix = policy(count, |index| format!("*-team-{index:04}"));
        // No literal at either end: nothing to look them up by, so each is tried.
        let middle = policy(count, |index| format!("*-team-{index:04}-*"));
        let cases = [
            ("exact/hit", &exact, format!("team-{last:04}")),
            ("exact/deny", &exact, format!("team-{denied:04}")),
            ("exact/miss", &exact, "nobody-at-all".to_owned()),
            ("prefix/hit", &prefix, format!("team-{last:04}-eu-west")),
            ("prefix/deny", &prefix, format!("team-{denied:04}-eu-west")),
            ("prefix/miss", &prefix, format!("team-{last:04}x-eu-west")),
            ("suffix/hit", &suffix, format!("eu-west-team-{last:04}")),
            ("suffix/deny", &suffix, format!("eu-west-team-{denied:04}")),
            ("suffix/miss", &suffix, format!("eu-west-team-{last:04}x")),
            ("middle/miss", &middle, format!("eu-west-team-{last:04}x-one")),
        ];
        for (name, policy, asked) in cases {
            let acl = Acl::compile([("bench", policy)]);
            let subject = Subject::Namespace(asked.as_str().into());
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| acl.allows(black_box(&stats), black_box(&subject)));
            });
        }
    }
    group.finish();
}

fn compiling(c: &mut Criterion) {
    let policies: Vec<Policy> =
        (0..100).map(|team| policy(10, |index| format!("team-{team}-{index}-*"))).collect();
    let names: Vec<String> = (0..100).map(|team| format!("team-{team}")).collect();
    let text = policies[0].to_string();
    c.bench_function("acl/compile/100 policies of 10 rules", |b| {
        b.iter(|| Acl::compile(names.iter().map(String::as_str).zip(black_box(&policies))));
    });
    c.bench_function("acl/parse/10 rules", |b| b.iter(|| black_box(&*text).parse::<Policy>()));
}

/// The machine's clocks, as a program would give them.
#[derive(Debug)]
struct MachineClock(std::time::Instant);

impl Clock for MachineClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// Finds everybody. Tokens share ACLs when they have the same policies: here a hundred sets, dealt out
/// in turn.
struct AllTokens(Vec<Acl>, std::sync::atomic::AtomicUsize);

impl TokenLookup for AllTokens {
    type Future = Ready<Result<ResolvedToken, TokenLookupError>>;

    fn look_up(&self, _: Option<&SecretId>, _: Duration) -> Self::Future {
        let turn = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        ready(Ok(ResolvedToken::new(self.0[turn % self.0.len()].clone())))
    }
}

fn poll_now<F: Future + Unpin>(mut future: F) -> F::Output {
    match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a remembered token is ready at once"),
    }
}

fn secrets(count: u64) -> Vec<SecretId> {
    let spread = |index: u64| index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..count)
        .map(|index| {
            let bits = spread(index);
            let (high, low) = (bits >> 32, bits & 0xffff_ffff);
            SecretId::new(format!(
                "{high:08x}-aaaa-bbbb-cccc-{low:08x}{index:04x}",
                index = index & 0xffff
            ))
        })
        .collect()
}

fn resolving(c: &mut Criterion) {
    let read = policy(1, |_| "ops".to_owned());
    let acls: Vec<Acl> = (0..100).map(|_| Acl::compile([("bench", &read)])).collect();
    let secrets = secrets(100_000);
    let limits = TokenCacheLimits {
        ttl: Duration::from_secs(3_600),
        max_tokens: 200_000,
        ..TokenCacheLimits::default()
    };
    let tokens =
        TokenCache::new(AllTokens(acls, 0.into()), MachineClock(std::time::Instant::now()), limits);
    for secret in &secrets {
        poll_now(tokens.resolve(Some(secret))).unwrap();
    }
    assert_eq!(tokens.len(), secrets.len());
    let mut group = c.benchmark_group("acl/resolve/100000 remembered");
    group.bench_function("the same token", |b| {
        let secret = &secrets[77_777];
        b.iter(|| poll_now(tokens.resolve(Some(black_box(secret)))));
    });
    group.bench_function("1000 tokens in turn", |b| {
        let mut turn = secrets.iter().take(1_000).cycle();
        b.iter(|| poll_now(tokens.resolve(turn.next())));
    });
    group.bench_function("all tokens in turn", |b| {
        let mut turn = secrets.iter().cycle();
        b.iter(|| poll_now(tokens.resolve(turn.next())));
    });
    group.finish();
    let table = TokenTable::from_json(
        r#"{"tokens":[{"secret":"7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3","type":"management"}]}"#,
        MachineClock(std::time::Instant::now()),
    )
    .unwrap();
    let secret = SecretId::new("7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3");
    c.bench_function("acl/resolve/table", |b| {
        b.iter(|| poll_now(table.resolve(Some(black_box(&secret)))));
    });
}

criterion_group!(benches, decisions, compiling, resolving);
criterion_main!(benches);
