//! The evaluator once more, slow and obvious: words are texts, sets are sets, every rule is looked at
//! for every question, and nothing is compiled.

use std::collections::BTreeSet;

use crate::model::{Labelled, Model};

type Words = BTreeSet<&'static str>;

/// A question in plain words: block, word, and the names it is about.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceCheck {
    pub(crate) block: &'static str,
    pub(crate) word: &'static str,
    pub(crate) name: String,
    pub(crate) path: String,
}

pub(crate) fn allowed(policies: &[Model], asked: &ReferenceCheck) -> bool {
    let ReferenceCheck { block, word, name, path } = asked;
    match *block {
        "namespace" => {
            let rules = rules(policies, |policy| &policy.namespaces);
            if name == "*" {
                let mut all = rules.iter().map(|rule| merged(&rules, &rule.label, namespace_words));
                return all.any(|set| holds(&set, word));
            }
            closest(&rules, name)
                .is_some_and(|label| holds(&merged(&rules, label, namespace_words), word))
        }
        "node_pool" => named(&rules(policies, |policy| &policy.node_pools), name, word, pool_words),
        "host_volume" => {
            named(&rules(policies, |policy| &policy.host_volumes), name, word, volume_words)
        }
        "variables" => variable(policies, name, path, word),
        "operator" | "sentinel" if !matches!(*word, "read" | "write") => {
            capable(policies, block, word)
        }
        _ => leveled(policies, block, word),
    }
}

fn rules(policies: &[Model], of: impl Fn(&Model) -> &Vec<Labelled>) -> Vec<Labelled> {
    policies.iter().flat_map(|policy| of(policy).clone()).collect()
}

fn named(rules: &[Labelled], name: &str, word: &str, words: fn(&Labelled) -> Words) -> bool {
    if word == "search" {
        return rules.iter().any(|rule| !merged(rules, &rule.label, words).contains("deny"));
    }
    closest(rules, name).is_some_and(|label| holds(&merged(rules, label, words), word))
}

fn holds(set: &Words, word: &str) -> bool {
    match word {
        "any" => !set.is_empty() && !set.contains("deny"),
        word => set.contains(word),
    }
}

/// The label that is about the name: itself, or the matching pattern with the most literals, of
/// those the greatest.
fn closest<'a>(rules: &'a [Labelled], name: &str) -> Option<&'a str> {
    let labels = || rules.iter().map(|rule| rule.label.as_str());
    labels().find(|label| !label.contains('*') && *label == name).or_else(|| {
        labels()
            .filter(|label| label.contains('*') && matches(label.as_bytes(), name.as_bytes()))
            .max_by_key(|label| (literals(label), *label))
    })
}

fn literals(label: &str) -> usize {
    label.bytes().filter(|byte| *byte != b'*').count()
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
        [first, rest @ ..] => name.first() == Some(first) && matches(rest, &name[1..]),
    }
}

/// What all rules with this very label say: a union, or nothing but deny.
fn merged(rules: &[Labelled], label: &str, words: fn(&Labelled) -> Words) -> Words {
    let same = rules.iter().filter(|rule| rule.label == label);
    denied_alone(same.flat_map(words).collect())
}

fn denied_alone(set: Words) -> Words {
    if set.contains("deny") { Words::from(["deny"]) } else { set }
}

fn namespace_words(rule: &Labelled) -> Words {
    let mut set: Words = rule.capabilities.iter().copied().collect();
    set.extend(match rule.level {
        Some("deny") => &["deny"][..],
        Some("read") => &["read-job", "host-volume-read"],
        Some("write") => &[
            "read-job",
            "host-volume-read",
            "read-logs",
            "submit-job",
            "scale-job",
            "host-volume-create",
        ],
        Some("scale") => &["scale-job", "read-job"],
        _ => &[],
    });
    if set.contains("host-volume-write") {
        set.extend(["host-volume-create", "host-volume-read"]);
    }
    if set.contains("host-volume-create") {
        set.insert("host-volume-read");
    }
    set
}

fn pool_words(rule: &Labelled) -> Words {
    let mut set: Words = rule.capabilities.iter().copied().collect();
    set.extend(match rule.level {
        Some("deny") => &["deny"][..],
        Some("read") => &["read"],
        Some("write") => &["read", "write", "delete"],
        _ => &[],
    });
    set
}

fn volume_words(rule: &Labelled) -> Words {
    let mut set: Words = rule.capabilities.iter().copied().collect();
    set.extend(match rule.level {
        Some("deny") => &["deny"][..],
        Some("read") => &["mount-readonly"],
        Some("write") => &["mount-readonly", "mount-readwrite"],
        _ => &[],
    });
    set
}

/// Namespace label, path label, and what one path block says.
fn variable(policies: &[Model], name: &str, path: &str, word: &str) -> bool {
    let mut all: Vec<(String, Words)> = Vec::new();
    for rule in rules(policies, |policy| &policy.namespaces) {
        for (label, words) in &rule.paths {
            let mut set = denied_alone(words.iter().copied().collect());
            if set.contains("read") {
                set.insert("list");
            }
            all.push((format!("{}\0{label}", rule.label), set));
        }
    }
    if word == "search" {
        return all.iter().any(|(key, _)| name == "*" || key.starts_with(name));
    }
    let asked = format!("{name}\0{path}");
    let fits = |key: &&str| key.contains('*') && matches(key.as_bytes(), asked.as_bytes());
    let keys = || all.iter().map(|(key, _)| key.as_str());
    let key = keys()
        .find(|key| !key.contains('*') && *key == asked)
        .or_else(|| keys().filter(fits).max_by_key(|key| (literals(key), *key)));
    key.is_some_and(|key| {
        all.iter().filter(|(other, _)| other == key).any(|(_, set)| set.contains(word))
    })
}

/// The strongest level of a block without label.
fn level(policies: &[Model], block: &str) -> Option<&'static str> {
    let found: Vec<&str> = policies
        .iter()
        .flat_map(|policy| &policy.wide)
        .filter(|(name, ..)| *name == block)
        .filter_map(|(_, level, _)| *level)
        .collect();
    ["deny", "write", "read", "list"].into_iter().find(|level| found.contains(level))
}

fn leveled(policies: &[Model], block: &str, word: &str) -> bool {
    match (level(policies, block), block) {
        (Some("read"), "plugin") => true,
        (Some("list"), "plugin") => word == "list",
        (_, "plugin") => false,
        (Some("write"), _) => true,
        (Some("read"), _) => word == "read",
        _ => false,
    }
}

fn capable(policies: &[Model], block: &str, word: &str) -> bool {
    if level(policies, block) == Some("write") {
        return true;
    }
    let mut set = Words::new();
    for (name, level, words) in policies.iter().flat_map(|policy| &policy.wide) {
        if *name == block {
            set.extend(words);
            set.extend(match (*level, block) {
                (Some("deny"), _) => &["deny"][..],
                (Some("read"), "operator") => &["keyring-read"],
                (Some("write"), "operator") => &["keyring-read", "snapshot-save"],
                (Some("read" | "write"), "sentinel") => &["sentinel-read"],
                _ => &[],
            });
        }
    }
    denied_alone(set).contains(word)
}
