//! What a decision and a hostile text may cost. Work is counted in allocated bytes and calls to the
//! allocator, never in time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use allocation_counter::measure;
use nomad_acl::{
    Acl, Capability, Decision, MAX_POLICY_DEPTH, MAX_POLICY_LEN, Policy, PolicyError, Requirement,
    Subject, Variable, tokens::Clock,
};
use nomad_wire::{FsRoute, Route};

/// A policy with this many rules, half of them patterns.
fn rules(count: usize) -> Policy {
    let rule = |index: usize| {
        let star = if index.is_multiple_of(2) { "-*" } else { "" };
        let level = if index.is_multiple_of(7) { "deny" } else { "read" };
        format!("namespace \"team-{index}{star}\" {{ policy = \"{level}\" }}\n")
    };
    (0..count).map(rule).collect::<String>().parse().unwrap()
}

#[test]
fn a_decision_allocates_nothing() {
    let policy = rules(1_000);
    let acl = Acl::compile([("team", &policy)]);
    let logs = Requirement::for_route(&Route::Fs(FsRoute::Logs, "".into()));
    let stats = Requirement::for_route(&Route::ClientStats);
    let names = ["team-3", "team-4-eu", "team-7", "team-14-eu", "nobody", "*"];
    let subjects: Vec<Subject> =
        names.iter().map(|name| Subject::Namespace((*name).into())).collect();
    let variable = Subject::Variable(Box::new(Variable::new("team-4-eu".into(), "app/db")));
    let mut allowed = 0;
    let info = measure(|| {
        for subject in &subjects {
            for requirement in [&logs, &stats] {
                allowed += usize::from(acl.allows(requirement, subject).is_allowed());
            }
            let right = Capability::Namespace(nomad_acl::capability::NamespaceCapability::ReadJob);
            if let Decision::Allow(grant) = acl.has_capability(right, subject) {
                allowed += usize::from(acl.rule(&grant).is_some());
            }
        }
        let read = Capability::Variable(nomad_acl::capability::PathCapability::Read);
        allowed += usize::from(acl.has_capability(read, &variable).is_allowed());
    });
    assert_eq!((info.count_total, allowed), (0, 3));
}

/// Bytes and calls that reading this text, and compiling it if it is a policy, takes.
fn cost(text: &str) -> (u64, u64) {
    let info = measure(|| {
        let read: Result<Policy, PolicyError> = text.parse();
        if let Ok(policy) = read {
            drop(Acl::compile([("p", &policy)]));
        }
        drop(nomad_acl::lint(None, text));
    });
    (info.bytes_total, info.count_total)
}

/// Four times the text must not cost much more than four times as much. The slack is for tables that
/// double and for sorting; quadratic work would cost sixteen times.
fn is_linear(name: &str, text: impl Fn(usize) -> String) {
    let (small, large) = (text(2_000), text(8_000));
    let growth = large.len() as f64 / small.len() as f64;
    let (bytes, calls) = (cost(&small), cost(&large));
    let within = |small: u64, large: u64| large as f64 <= small as f64 * growth * 1.6 + 4_096.0;
    assert!(within(bytes.0, calls.0), "{name}: {} bytes became {}", bytes.0, calls.0);
    assert!(within(bytes.1, calls.1), "{name}: {} calls became {}", bytes.1, calls.1);
}

#[test]
fn hostile_texts_cost_in_proportion_to_their_length() {
    is_linear("many rules", |n| {
        (0..n).map(|i| format!("namespace \"n{i}*\" {{ policy = \"read\" }} ")).collect()
    });
    is_linear("one rule many times", |n| "namespace \"a*\" { policy = \"deny\" } ".repeat(n));
    is_linear("many keys", |n| format!("a {} {{}}", "b ".repeat(n)));
    is_linear("unknown blocks", |n| format!("node {{ policy = \"read\" }} {}", "x {} ".repeat(n)));
    is_linear("long list", |n| {
        format!("namespace \"a\" {{ capabilities = [{}] }}", "\"read-job\",".repeat(n))
    });
    is_linear("repeated attribute", |n| format!("agent {{ {} }}", "policy = \"read\" ".repeat(n)));
    is_linear("paths that begin one another", |n| {
        let paths = (0..40).map(|i| format!("path \"{}*\" {{}} ", "x".repeat(n / 40 * (i + 1))));
        format!("namespace \"a\" {{ variables {{ {} }} }}", paths.collect::<String>())
    });
    is_linear("a key above many members", |n| {
        let members: Vec<String> = (0..n).map(|i| format!("\"{i}\": {{}}")).collect();
        format!("{{\"{}\": {{{}}}}}", "k".repeat(n), members.join(","))
    });
    is_linear("nested lists of objects", |n| {
        let inner = format!("[{}]", vec!["{\"a\":{\"b\":{}}}"; n].join(","));
        format!("{{\"namespace\": {inner}}}")
    });
    is_linear("open strings", |n| format!("a = \"{}", "${".repeat(n)));
    is_linear("comments", |n| "/* x */ # y\n".repeat(n));
}

#[test]
fn reading_keeps_no_more_than_a_multiple_of_the_text() {
    let deep = format!("{}{}", "{\"a\":".repeat(60), "{}".to_owned() + &"}".repeat(60));
    let wide = format!("{{\"a\": [{}]}}", vec![deep; 200].join(","));
    let info = measure(|| drop(wide.parse::<Policy>()));
    assert!(info.bytes_max < 64 * wide.len() as u64, "{} for {}", info.bytes_max, wide.len());
}

#[test]
fn depth_and_length_have_limits() {
    let depth = MAX_POLICY_DEPTH as usize;
    let nested = |open: &str, close: &str, levels: usize| {
        format!("x {}{}", open.repeat(levels), close.repeat(levels))
    };
    let deep = |text: &str| matches!(text.parse::<Policy>(), Err(PolicyError::TooDeep { .. }));
    assert!(deep(&nested("{ a ", "}", depth + 1)));
    assert!(!deep(&nested("{ a ", "}", depth)));
    assert!(deep(&format!("x = {}", "[".repeat(100_000))));
    assert!(deep(&"{\"a\":".repeat(100_000)));
    let long = " ".repeat(MAX_POLICY_LEN + 1);
    assert!(matches!(long.parse::<Policy>(), Err(PolicyError::TooLong { .. })));
}

#[test]
fn a_long_key_is_not_repeated_without_end() {
    let members: Vec<String> = (0..8_000).map(|index| format!("\"{index}\": {{}}")).collect();
    let text = format!("{{\"{}\": {{{}}}}}", "k".repeat(8_000), members.join(","));
    assert!(matches!(text.parse::<Policy>(), Err(PolicyError::TooWide { .. })));
    let short = format!("{{\"namespace\": {{{}}}}}", members.join(","));
    assert!(!matches!(short.parse::<Policy>(), Err(PolicyError::TooWide { .. })));
}

#[test]
fn a_star_pattern_cannot_be_made_to_backtrack() {
    // With backtracking this would take longer than anyone waits.
    let pattern = "a*".repeat(50) + "b";
    let policy: Policy = format!(
        "namespace \"n\" {{ variables {{ path \"{pattern}\" {{ capabilities = [\"read\"] }} }} }}"
    )
    .parse()
    .unwrap();
    let acl = Acl::compile([("p", &policy)]);
    let asked = Subject::Variable(Box::new(Variable::new("n".into(), &"a".repeat(100_000))));
    let read = Capability::Variable(nomad_acl::capability::PathCapability::Read);
    assert!(!acl.has_capability(read, &asked).is_allowed());
}

/// The crate has no clock of its own: one that stands still is enough to use all of it.
#[derive(Debug)]
struct FrozenClock;

impl Clock for FrozenClock {
    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

#[test]
fn a_remembered_token_is_resolved_without_an_allocation() {
    use nomad_acl::{
        Tokens,
        tokens::{ResolvedToken, TokenCache, TokenCacheLimits, TokenLookup, TokenLookupError},
    };
    use nomad_wire::SecretId;

    #[derive(Debug)]
    struct AllTokens;
    impl TokenLookup for AllTokens {
        type Future = std::future::Ready<Result<ResolvedToken, TokenLookupError>>;
        fn look_up(&self, _: Option<&SecretId>, _: std::time::Duration) -> Self::Future {
            std::future::ready(Ok(ResolvedToken::new(Acl::management())))
        }
    }
    fn now<F: Future + Unpin>(mut future: F) -> F::Output {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(&mut future).poll(&mut cx) {
            std::task::Poll::Ready(output) => output,
            std::task::Poll::Pending => panic!("nothing to wait for"),
        }
    }
    let tokens = TokenCache::new(AllTokens, FrozenClock, TokenCacheLimits::default());
    let secret = SecretId::new("d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b");
    now(tokens.resolve(Some(&secret))).unwrap();
    let info = measure(|| drop(now(tokens.resolve(Some(&secret)))));
    assert_eq!(info.count_total, 0);
}
