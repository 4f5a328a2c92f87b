//! What to do to be allowed.
//!
//! Each piece of advice is tried out before it is given: the policies are compiled with the addition
//! and asked again. So it holds whatever the rules of merging and matching make of it.

use super::AccessCheck;
use crate::{
    AccessLevel, Acl, Capability, Decision, DenyReason, LabelRule, LevelRule, NamedPolicy,
    NamespaceRule, PathRule, Policy, Subject, UnlabelledRule, Variable,
    block::Block,
    capability::{self, BlockCapability, NamespaceCapability, PathCapability},
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
const ADVICE_POLICY: &str = "advice";

/// What to do about a denial. A call may demand several groups of rights, so there may be several.
pub(super) fn find(
    policies: &[NamedPolicy<'_>],
    demanded: AccessCheck,
    subject: &Subject,
    reason: &DenyReason,
) -> Vec<Advice> {
    let mut added: Vec<Policy> = Vec::new();
    let mut reason = reason.clone();
    loop {
        match find_addition(policies, &added, subject, &reason) {
            Ok(addition) => added.push(addition),
            Err(hopeless) => return vec![hopeless],
        }
        match demanded.decide(&compile_with(policies, &added), subject) {
            // What is left to a server no policy here adds anything to.
            Decision::Allow(_) | Decision::Defer { .. } => break,
            Decision::Deny(next) => reason = next,
        }
    }
    added.into_iter().map(|policy| Advice::Add(Box::new(policy))).collect()
}

/// One addition that gives one of the missing rights.
fn find_addition(
    policies: &[NamedPolicy<'_>],
    added: &[Policy],
    subject: &Subject,
    reason: &DenyReason,
) -> Result<Policy, Advice> {
    let mut tried = added.to_vec();
    let mut any = false;
    for right in reason.missing().capabilities() {
        for addition in additions(&compile_with(policies, added), right, subject, reason.rule()) {
            any = true;
            tried.push(addition);
            if compile_with(policies, &tried).has_capability(right, subject).is_allowed() {
                return tried.pop().ok_or(Advice::OtherSubject);
            }
            tried.pop();
        }
        if right == Capability::Management {
            return Err(Advice::ManagementToken);
        }
    }
    Err(match reason.rule() {
        Some(rule) if any => Advice::Change(Box::new(rule.clone())),
        _ => Advice::OtherSubject,
    })
}

fn compile_with(policies: &[NamedPolicy<'_>], added: &[Policy]) -> Acl {
    let added = added.iter().map(|policy| NamedPolicy::new(ADVICE_POLICY, policy));
    Acl::compile(policies.iter().copied().chain(added))
}

/// Rules that could give the right: one with the label of the closest rule, which takes nothing from
/// what that rule grants, and one with the very name.
fn additions(
    acl: &Acl,
    right: Capability,
    subject: &Subject,
    closest: Option<&Rule>,
) -> Vec<Policy> {
    if !right.block().is_some_and(Block::is_labelled) {
        return unlabelled(right).into_iter().collect();
    }
    if matches!(right, Capability::Variable(_) | Capability::VariableSearch) {
        return variable(acl, right, subject, closest);
    }
    let Some(name) = subject_name(right, subject) else { return Vec::new() };
    let labels = closest.map(|rule| &*rule.label).into_iter().chain([name]);
    let block = right.block().unwrap_or(Block::Namespace);
    labels.filter(|label| block.allows_label(label)).map(|label| labelled(right, label)).collect()
}

fn subject_name(right: Capability, subject: &Subject) -> Option<&str> {
    match (right.block()?, subject) {
        (Block::Namespace, Subject::Namespace(name)) => Some(name.as_str()),
        (Block::NodePool, Subject::NodePool(name))
        | (Block::HostVolume, Subject::HostVolume(name)) => Some(name),
        (Block::NodePool, _) if right == Capability::NodePoolSearch => Some("*"),
        _ => None,
    }
}

/// Rules for a variable: one with the labels of the closest rule, and one with the very names.
///
/// A variable rule brings its namespace rule along, which then is the exact one and shadows the
/// patterns; so that rule repeats what the namespace had.
fn variable(
    acl: &Acl,
    right: Capability,
    subject: &Subject,
    closest: Option<&Rule>,
) -> Vec<Policy> {
    let (name, path, word) = match (subject, right) {
        (Subject::Variable(asked), Capability::Variable(word)) => {
            (&asked.namespace, &*asked.path, word)
        }
        (Subject::Variable(asked), _) => (&asked.namespace, ANY_PATH, PathCapability::List),
        (Subject::Namespace(name), _) => (name, ANY_PATH, PathCapability::List),
        _ => return Vec::new(),
    };
    let rule = |label: LabelRule<NamespaceCapability>, path: PathRule| Policy {
        namespaces: vec![NamespaceRule::new(label, vec![path])],
        ..Policy::default()
    };
    let merged = closest.filter(|_| matches!(right, Capability::Variable(_))).map(|closest| {
        let label = LabelRule::new(&closest.namespace, None, &[]);
        rule(label, PathRule::new(&closest.label, &[word]))
    });
    let about = Subject::Namespace(name.clone());
    let had = held_capabilities(|word| {
        acl.has_capability(Capability::Namespace(word), &about).is_allowed()
    });
    let exact = Subject::Variable(Box::new(Variable::new(name.clone(), path)));
    let mut words = held_capabilities(|word| {
        acl.has_capability(Capability::Variable(word), &exact).is_allowed()
    });
    words.push(word);
    let apart = rule(LabelRule::new(name.as_str(), None, &had), PathRule::new(path, &words));
    // A star in the asked name is no star in the question, but it would be one in a rule.
    let plain = |text: &str| !text.is_empty() && !text.starts_with('/') && !text.contains('*');
    let writable =
        Block::Namespace.allows_label(name.as_str()) && plain(name.as_str()) && plain(path);
    merged.into_iter().chain(writable.then_some(apart)).collect()
}

/// A path below which every workload may look anyway: searching needs some rule, whatever it is about.
const ANY_PATH: &str = "nomad/jobs";

/// The words of an alphabet that are held.
fn held_capabilities<W: BlockCapability>(is_held: impl Fn(W) -> bool) -> Vec<W> {
    W::ALL.iter().map(|(word, _)| *word).filter(|word| is_held(*word)).collect()
}

fn labelled(right: Capability, label: &str) -> Policy {
    let mut policy = Policy::default();
    let read = Some(capability::PolicyLevel::Read);
    match right {
        Capability::Namespace(word) => policy
            .namespaces
            .push(NamespaceRule::new(LabelRule::new(label, None, &[word]), Vec::new())),
        Capability::NamespaceAny => {
            policy.namespaces.push(NamespaceRule::new(LabelRule::new(label, read, &[]), Vec::new()))
        }
        Capability::NodePool(word) => policy.node_pools.push(LabelRule::new(label, None, &[word])),
        Capability::HostVolume(word) => {
            policy.host_volumes.push(LabelRule::new(label, None, &[word]))
        }
        Capability::HostVolumeAny => policy.host_volumes.push(LabelRule::new(label, read, &[])),
        _ => policy.node_pools.push(LabelRule::new(label, read, &[])),
    }
    policy
}

fn unlabelled(right: Capability) -> Option<Policy> {
    let mut policy = Policy::default();
    let level = |level: AccessLevel| {
        LevelRule::new(match level {
            AccessLevel::Read => capability::PolicyLevel::Read,
            AccessLevel::Write => capability::PolicyLevel::Write,
        })
    };
    match right {
        Capability::Agent(wanted) => policy.agent = Some(level(wanted)),
        Capability::Node(wanted) => policy.node = Some(level(wanted)),
        Capability::Quota(wanted) => policy.quota = Some(level(wanted)),
        Capability::Operator(wanted) => {
            policy.operator = Some(UnlabelledRule::new(Some(level(wanted).level), &[]));
        }
        Capability::OperatorCapability(word) => policy.operator = Some(wide(word)),
        Capability::Sentinel(word) => policy.sentinel = Some(wide(word)),
        Capability::PluginRead => {
            policy.plugin = Some(LevelRule::new(capability::PolicyLevel::Read))
        }
        Capability::PluginList => {
            policy.plugin = Some(LevelRule::new(capability::PolicyLevel::List))
        }
        _ => return None,
    }
    Some(policy)
}

fn wide<W: BlockCapability>(word: W) -> UnlabelledRule<W> {
    UnlabelledRule::new(None, &[word])
}
