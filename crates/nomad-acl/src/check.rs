//! Records → policy: every word must be one that its block knows.
//!
//! The order of the tests is Nomad's, because the first failure is the one that is reported.

use crate::{
    block::Block,
    capability::{Capability, Level, PathCapability, Word},
    decode::{Record, Records, Written},
    error::PolicyError,
    item::Place,
    policy::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, WideRule},
};

/// Checks a whole policy. `leftover` is what strict reading has to complain about.
pub(crate) fn policy(
    text: &str,
    records: &Records,
    leftover: Option<(Place, Vec<String>)>,
) -> Result<Policy, PolicyError> {
    if records.rules.is_empty() && !text.is_empty() {
        return Err(PolicyError::Empty { rules: text.to_owned() });
    }
    let namespaces = records.of(Block::Namespace).map(namespace).collect::<Result<_, _>>()?;
    let node_pools = records.of(Block::NodePool).map(node_pool).collect::<Result<_, _>>()?;
    let host_volumes = records.of(Block::HostVolume).map(labelled).collect::<Result<_, _>>()?;
    if let Some((place, keys)) = leftover {
        return Err(PolicyError::Keys { place, keys });
    }
    Ok(Policy {
        namespaces,
        node_pools,
        host_volumes,
        agent: one(records, Block::Agent, needed_level)?,
        node: one(records, Block::Node, needed_level)?,
        operator: one(records, Block::Operator, wide)?,
        sentinel: one(records, Block::Sentinel, wide)?,
        quota: one(records, Block::Quota, needed_level)?,
        plugin: one(records, Block::Plugin, needed_level)?,
    })
}

fn one<T>(
    records: &Records,
    block: Block,
    check: impl Fn(&Record) -> Result<T, PolicyError>,
) -> Result<Option<T>, PolicyError> {
    records.of(block).next().map(check).transpose()
}

fn invalid(place: Place, text: String) -> PolicyError {
    PolicyError::Invalid { place, text }
}

fn namespace(record: &Record) -> Result<NamespaceRule, PolicyError> {
    let rule = labelled::<Capability>(record)?;
    let Some(paths) = &record.paths else { return Ok(NamespaceRule::new(rule, Vec::new())) };
    if paths.is_empty() {
        let text =
            format!("Invalid variable policy: no variable paths in namespace {}", record.label);
        return Err(invalid(record.place, text));
    }
    let variables =
        paths.iter().map(|path| variable(path, &record.label)).collect::<Result<_, _>>()?;
    Ok(NamespaceRule::new(rule, variables))
}

fn variable(record: &Record, namespace: &str) -> Result<PathRule, PolicyError> {
    let path = &*record.label;
    if path.is_empty() {
        let text = format!("Invalid missing variable path in namespace {namespace}");
        return Err(invalid(record.place, text));
    }
    if path.starts_with('/') {
        // Nomad's sentence ends in a stray back quote.
        let text = format!(
            "Invalid variable path {path:?} in namespace {namespace}: cannot start with a \
             leading '/'`"
        );
        return Err(invalid(record.place, text));
    }
    let capabilities = words::<PathCapability>(&record.capabilities, |word| {
        format!("Invalid variable capability '{word}' in namespace {namespace}")
    })?;
    Ok(PathRule { path: path.to_owned(), capabilities, place: record.place })
}

/// A namespace or host volume, whose messages end in the rule they are about.
fn labelled<W: Word>(record: &Record) -> Result<LabelRule<W>, PolicyError> {
    let (spoken, label) = (record.block.spoken(), &*record.label);
    if !record.block.allows_label(label) {
        return Err(invalid(record.place, format!("Invalid {spoken} name: {label:?}")));
    }
    let level = level(record, |word| format!("Invalid {spoken} policy: {word:?} for {label:?}"))?;
    let capabilities = words(&record.capabilities, |word| {
        format!("Invalid {spoken} capability '{word}': in {label:?}")
    })?;
    Ok(LabelRule { label: label.to_owned(), level, capabilities, place: record.place })
}

/// A node pool, whose messages are worded apart.
fn node_pool<W: Word>(record: &Record) -> Result<LabelRule<W>, PolicyError> {
    let label = &*record.label;
    if !record.block.allows_label(label) {
        return Err(invalid(record.place, format!("Invalid node pool name '{label}'")));
    }
    let level = level(record, |word| format!("Invalid node pool policy '{word}' for '{label}'"))?;
    let capabilities = words(&record.capabilities, |word| {
        format!("Invalid node pool capability '{word}' for '{label}'")
    })?;
    Ok(LabelRule { label: label.to_owned(), level, capabilities, place: record.place })
}

/// Operator and sentinel: level and capabilities, both optional.
fn wide<W: Word>(record: &Record) -> Result<WideRule<W>, PolicyError> {
    let spoken = record.block.spoken();
    let level = level(record, |word| format!("Invalid {spoken} policy: {word:?}"))?;
    let capabilities =
        words(&record.capabilities, |word| format!("Invalid {spoken} capability '{word}'"))?;
    Ok(WideRule { level, capabilities, place: record.place })
}

/// Agent, node, quota and plugin: a level, and one must be given.
fn needed_level(record: &Record) -> Result<LevelRule, PolicyError> {
    let text = |word: &str| format!("Invalid {} policy: {word:?}", record.block.spoken());
    let level = level(record, text)?.ok_or_else(|| invalid(record.place, text("")))?;
    Ok(LevelRule { level, place: record.place })
}

fn level(record: &Record, text: impl Fn(&str) -> String) -> Result<Option<Level>, PolicyError> {
    let Some(word) = &record.level else { return Ok(None) };
    let known = Level::parse(&word.text).filter(|level| match level {
        Level::List => record.block == Block::Plugin,
        Level::Scale => record.block != Block::Plugin,
        Level::Deny | Level::Read | Level::Write => true,
    });
    known.map(Some).ok_or_else(|| invalid(word.place, text(&word.text)))
}

fn words<W: Word>(words: &[Written], text: impl Fn(&str) -> String) -> Result<Vec<W>, PolicyError> {
    words
        .iter()
        .map(|word| W::parse(&word.text).ok_or_else(|| invalid(word.place, text(&word.text))))
        .collect()
}
