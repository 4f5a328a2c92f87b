//! Records → policy: every word must be one that its block knows.
//!
//! The order of the tests is Nomad's, because the first failure is the one that is reported.

use crate::{
    block::Block,
    capability::{BlockCapability, NamespaceCapability, PathCapability, PolicyLevel},
    error::PolicyError,
    policy::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, UnlabelledRule},
    records::{Record, Records, SourceText},
    syntax::TextPosition,
};

/// Checks a whole policy. `leftover` is what strict reading has to complain about.
pub(crate) fn policy(
    text: &str,
    records: &Records,
    leftover: Option<(TextPosition, Vec<String>)>,
) -> Result<Policy, PolicyError> {
    if records.rules.is_empty() && !text.is_empty() {
        return Err(PolicyError::Empty { rules: text.to_owned() });
    }
    let namespaces =
        records.of_block(Block::Namespace).map(namespace_rule).collect::<Result<_, _>>()?;
    let node_pools =
        records.of_block(Block::NodePool).map(node_pool_rule).collect::<Result<_, _>>()?;
    let host_volumes =
        records.of_block(Block::HostVolume).map(label_rule).collect::<Result<_, _>>()?;
    if let Some((place, keys)) = leftover {
        return Err(PolicyError::UnusedKeys { position: place, keys });
    }
    Ok(Policy {
        namespaces,
        node_pools,
        host_volumes,
        agent: single_block(records, Block::Agent, level_rule)?,
        node: single_block(records, Block::Node, level_rule)?,
        operator: single_block(records, Block::Operator, unlabelled_rule)?,
        sentinel: single_block(records, Block::Sentinel, unlabelled_rule)?,
        quota: single_block(records, Block::Quota, level_rule)?,
        plugin: single_block(records, Block::Plugin, level_rule)?,
    })
}

fn single_block<T>(
    records: &Records,
    block: Block,
    check: impl Fn(&Record) -> Result<T, PolicyError>,
) -> Result<Option<T>, PolicyError> {
    records.of_block(block).next().map(check).transpose()
}

fn invalid(place: TextPosition, text: String) -> PolicyError {
    PolicyError::Invalid { position: place, text }
}

fn namespace_rule(record: &Record) -> Result<NamespaceRule, PolicyError> {
    let rule = label_rule::<NamespaceCapability>(record)?;
    let Some(paths) = &record.paths else { return Ok(NamespaceRule::new(rule, Vec::new())) };
    if paths.is_empty() {
        let text =
            format!("Invalid variable policy: no variable paths in namespace {}", record.label);
        return Err(invalid(record.position, text));
    }
    let variables =
        paths.iter().map(|path| path_rule(path, &record.label)).collect::<Result<_, _>>()?;
    Ok(NamespaceRule::new(rule, variables))
}

fn path_rule(record: &Record, namespace: &str) -> Result<PathRule, PolicyError> {
    let path = &*record.label;
    if path.is_empty() {
        let text = format!("Invalid missing variable path in namespace {namespace}");
        return Err(invalid(record.position, text));
    }
    if path.starts_with('/') {
        // Nomad's sentence ends in a stray back quote.
        let text = format!(
            "Invalid variable path {path:?} in namespace {namespace}: cannot start with a \
             leading '/'`"
        );
        return Err(invalid(record.position, text));
    }
    let capabilities = parse_capabilities::<PathCapability>(&record.capabilities, |word| {
        format!("Invalid variable capability '{word}' in namespace {namespace}")
    })?;
    Ok(PathRule { path: path.to_owned(), capabilities, position: record.position })
}

/// A namespace or host volume, whose messages end in the rule they are about.
fn label_rule<W: BlockCapability>(record: &Record) -> Result<LabelRule<W>, PolicyError> {
    let (spoken, label) = (record.block.message_name(), &*record.label);
    if !record.block.allows_label(label) {
        return Err(invalid(record.position, format!("Invalid {spoken} name: {label:?}")));
    }
    let level = level(record, |word| format!("Invalid {spoken} policy: {word:?} for {label:?}"))?;
    let capabilities = parse_capabilities(&record.capabilities, |word| {
        format!("Invalid {spoken} capability '{word}': in {label:?}")
    })?;
    Ok(LabelRule { label: label.to_owned(), level, capabilities, position: record.position })
}

/// A node pool, whose messages are worded apart.
fn node_pool_rule<W: BlockCapability>(record: &Record) -> Result<LabelRule<W>, PolicyError> {
    let label = &*record.label;
    if !record.block.allows_label(label) {
        return Err(invalid(record.position, format!("Invalid node pool name '{label}'")));
    }
    let level = level(record, |word| format!("Invalid node pool policy '{word}' for '{label}'"))?;
    let capabilities = parse_capabilities(&record.capabilities, |word| {
        format!("Invalid node pool capability '{word}' for '{label}'")
    })?;
    Ok(LabelRule { label: label.to_owned(), level, capabilities, position: record.position })
}

/// Operator and sentinel: level and capabilities, both optional.
fn unlabelled_rule<W: BlockCapability>(record: &Record) -> Result<UnlabelledRule<W>, PolicyError> {
    let spoken = record.block.message_name();
    let level = level(record, |word| format!("Invalid {spoken} policy: {word:?}"))?;
    let capabilities = parse_capabilities(&record.capabilities, |word| {
        format!("Invalid {spoken} capability '{word}'")
    })?;
    Ok(UnlabelledRule { level, capabilities, position: record.position })
}

/// Agent, node, quota and plugin: a level, and one must be given.
fn level_rule(record: &Record) -> Result<LevelRule, PolicyError> {
    let text = |word: &str| format!("Invalid {} policy: {word:?}", record.block.message_name());
    let level = level(record, text)?.ok_or_else(|| invalid(record.position, text("")))?;
    Ok(LevelRule { level, position: record.position })
}

fn level(
    record: &Record,
    text: impl Fn(&str) -> String,
) -> Result<Option<PolicyLevel>, PolicyError> {
    let Some(word) = &record.level else { return Ok(None) };
    let known = PolicyLevel::parse(&word.text).filter(|level| match level {
        PolicyLevel::List => record.block == Block::Plugin,
        PolicyLevel::Scale => record.block != Block::Plugin,
        PolicyLevel::Deny | PolicyLevel::Read | PolicyLevel::Write => true,
    });
    known.map(Some).ok_or_else(|| invalid(word.position, text(&word.text)))
}

fn parse_capabilities<W: BlockCapability>(
    words: &[SourceText],
    text: impl Fn(&str) -> String,
) -> Result<Vec<W>, PolicyError> {
    words
        .iter()
        .map(|word| W::parse(&word.text).ok_or_else(|| invalid(word.position, text(&word.text))))
        .collect()
}
