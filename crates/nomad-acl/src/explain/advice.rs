//! What to do to be allowed.
//!
//! Each piece of advice is tried out before it is given: the policies are compiled with the addition
//! and asked again. So it holds whatever the rules of merging and matching make of it.

use super::Demanded;
use crate::{
    Acl, Decision, LabelRule, Level, LevelRule, Named, NamespaceRule, PathRule, Policy, Reason,
    Right, Subject, Variable, WideRule,
    block::Block,
    capability::{self, Capability, PathCapability, Word},
    decision::Rule,
};

/// What to do to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Add these rules to a policy of the token.
    Add(Box<Policy>),
    /// No addition helps: this rule has to change, because it is stronger than whatever is added.
    Change(Box<Rule>),
    /// No policy grants it: a management token is needed.
    ManagementToken,
    /// The question is about an object of another kind than the right.
    OtherSubject,
}

/// The name under which an addition is tried out.
const TRIED: &str = "advice";

/// What to do about a denial. A call may demand several groups of rights, so there may be several.
pub(super) fn find(
    policies: &[Named<'_>],
    demanded: Demanded,
    subject: &Subject,
    reason: &Reason,
) -> Vec<Advice> {
    let mut added: Vec<Policy> = Vec::new();
    let mut reason = reason.clone();
    loop {
        match step(policies, &added, subject, &reason) {
            Ok(addition) => added.push(addition),
            Err(hopeless) => return vec![hopeless],
        }
        match demanded.decide(&with(policies, &added), subject) {
            // What is left to a server no policy here adds anything to.
            Decision::Allow(_) | Decision::Defer { .. } => break,
            Decision::Deny(next) => reason = next,
        }
    }
    added.into_iter().map(|policy| Advice::Add(Box::new(policy))).collect()
}

/// One addition that gives one of the missing rights.
fn step(
    policies: &[Named<'_>],
    added: &[Policy],
    subject: &Subject,
    reason: &Reason,
) -> Result<Policy, Advice> {
    let mut tried = added.to_vec();
    let mut any = false;
    for right in reason.missing().rights() {
        for addition in additions(&with(policies, added), right, subject, reason.rule()) {
            any = true;
            tried.push(addition);
            if with(policies, &tried).holds(right, subject).is_allowed() {
                return tried.pop().ok_or(Advice::OtherSubject);
            }
            tried.pop();
        }
        if right == Right::Management {
            return Err(Advice::ManagementToken);
        }
    }
    Err(match reason.rule() {
        Some(rule) if any => Advice::Change(Box::new(rule.clone())),
        _ => Advice::OtherSubject,
    })
}

fn with(policies: &[Named<'_>], added: &[Policy]) -> Acl {
    let added = added.iter().map(|policy| Named::new(TRIED, policy));
    Acl::compile(policies.iter().copied().chain(added))
}

/// Rules that could give the right: one with the label of the closest rule, which takes nothing from
/// what that rule grants, and one with the very name.
fn additions(acl: &Acl, right: Right, subject: &Subject, closest: Option<&Rule>) -> Vec<Policy> {
    if !right.block().is_some_and(Block::is_labelled) {
        return unlabelled(right).into_iter().collect();
    }
    if matches!(right, Right::Variable(_) | Right::VariableSearch) {
        return variable(acl, right, subject, closest);
    }
    let Some(name) = name_of(right, subject) else { return Vec::new() };
    let labels = closest.map(|rule| &*rule.label).into_iter().chain([name]);
    let block = right.block().unwrap_or(Block::Namespace);
    labels.filter(|label| block.allows_label(label)).map(|label| labelled(right, label)).collect()
}

fn name_of(right: Right, subject: &Subject) -> Option<&str> {
    match (right.block()?, subject) {
        (Block::Namespace, Subject::Namespace(name)) => Some(name.as_str()),
        (Block::NodePool, Subject::NodePool(name))
        | (Block::HostVolume, Subject::HostVolume(name)) => Some(name),
        (Block::NodePool, _) if right == Right::NodePoolSearch => Some("*"),
        _ => None,
    }
}

/// Rules for a variable: one with the labels of the closest rule, and one with the very names.
///
/// A variable rule brings its namespace rule along, which then is the exact one and shadows the
/// patterns; so that rule repeats what the namespace had.
fn variable(acl: &Acl, right: Right, subject: &Subject, closest: Option<&Rule>) -> Vec<Policy> {
    let (name, path, word) = match (subject, right) {
        (Subject::Variable(asked), Right::Variable(word)) => (&asked.namespace, &*asked.path, word),
        (Subject::Variable(asked), _) => (&asked.namespace, SOME_PATH, PathCapability::List),
        (Subject::Namespace(name), _) => (name, SOME_PATH, PathCapability::List),
        _ => return Vec::new(),
    };
    let rule = |label: LabelRule<Capability>, path: PathRule| Policy {
        namespaces: vec![NamespaceRule::new(label, vec![path])],
        ..Policy::default()
    };
    let merged = closest.filter(|_| matches!(right, Right::Variable(_))).map(|closest| {
        let label = LabelRule::new(&closest.namespace, None, &[]);
        rule(label, PathRule::new(&closest.label, &[word]))
    });
    let about = Subject::Namespace(name.clone());
    let had = held(|word| acl.holds(Right::Namespace(word), &about).is_allowed());
    let exact = Subject::Variable(Box::new(Variable::new(name.clone(), path)));
    let mut words = held(|word| acl.holds(Right::Variable(word), &exact).is_allowed());
    words.push(word);
    let apart = rule(LabelRule::new(name.as_str(), None, &had), PathRule::new(path, &words));
    // A star in the asked name is no star in the question, but it would be one in a rule.
    let plain = |text: &str| !text.is_empty() && !text.starts_with('/') && !text.contains('*');
    let writable =
        Block::Namespace.allows_label(name.as_str()) && plain(name.as_str()) && plain(path);
    merged.into_iter().chain(writable.then_some(apart)).collect()
}

/// A path below which every workload may look anyway: searching needs some rule, whatever it is about.
const SOME_PATH: &str = "nomad/jobs";

/// The words of an alphabet that are held.
fn held<W: Word>(is_held: impl Fn(W) -> bool) -> Vec<W> {
    W::WORDS.iter().map(|(word, _)| *word).filter(|word| is_held(*word)).collect()
}

fn labelled(right: Right, label: &str) -> Policy {
    let mut policy = Policy::default();
    let read = Some(capability::Level::Read);
    match right {
        Right::Namespace(word) => policy
            .namespaces
            .push(NamespaceRule::new(LabelRule::new(label, None, &[word]), Vec::new())),
        Right::NamespaceAny => {
            policy.namespaces.push(NamespaceRule::new(LabelRule::new(label, read, &[]), Vec::new()))
        }
        Right::NodePool(word) => policy.node_pools.push(LabelRule::new(label, None, &[word])),
        Right::HostVolume(word) => policy.host_volumes.push(LabelRule::new(label, None, &[word])),
        Right::HostVolumeAny => policy.host_volumes.push(LabelRule::new(label, read, &[])),
        _ => policy.node_pools.push(LabelRule::new(label, read, &[])),
    }
    policy
}

fn unlabelled(right: Right) -> Option<Policy> {
    let mut policy = Policy::default();
    let level = |level: Level| {
        LevelRule::new(match level {
            Level::Read => capability::Level::Read,
            Level::Write => capability::Level::Write,
        })
    };
    match right {
        Right::Agent(wanted) => policy.agent = Some(level(wanted)),
        Right::Node(wanted) => policy.node = Some(level(wanted)),
        Right::Quota(wanted) => policy.quota = Some(level(wanted)),
        Right::Operator(wanted) => {
            policy.operator = Some(WideRule::new(Some(level(wanted).level), &[]));
        }
        Right::OperatorCapability(word) => policy.operator = Some(wide(word)),
        Right::Sentinel(word) => policy.sentinel = Some(wide(word)),
        Right::PluginRead => policy.plugin = Some(LevelRule::new(capability::Level::Read)),
        Right::PluginList => policy.plugin = Some(LevelRule::new(capability::Level::List)),
        _ => return None,
    }
    Some(policy)
}

fn wide<W: Word>(word: W) -> WideRule<W> {
    WideRule::new(None, &[word])
}
