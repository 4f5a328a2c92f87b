//! What one store of rules says about one capability.

use crate::{
    capability::BlockCapability,
    compile::{LevelAndCapabilities, MergedRule, StrongestLevel},
    decision::Grant,
    requirement::Capability,
};

/// Yes, or the nearest thing to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum MatchResult {
    Granted(Grant),
    /// This rule says deny.
    Denied(u32),
    /// This rule is the closest and lacks the right.
    NotGranted(u32),
    /// No rule is about the subject.
    NoRule,
}

impl MatchResult {
    /// What the ruling says, given that it does or does not grant the right.
    pub(super) fn from_rule<W: BlockCapability>(
        right: Capability,
        ruling: Option<&MergedRule<W>>,
        grants: impl Fn(&MergedRule<W>) -> bool,
    ) -> Self {
        match ruling {
            None => Self::NoRule,
            Some(ruling) if grants(ruling) => Self::Granted(Grant::Rule(right, ruling.rules)),
            Some(MergedRule { deny: Some(rule), .. }) => Self::Denied(*rule),
            Some(ruling) => Self::NotGranted(ruling.rules.start),
        }
    }

    /// What a ruling says to one word.
    pub(super) fn from_capability<W: BlockCapability>(
        right: Capability,
        ruling: Option<&MergedRule<W>>,
        word: W,
    ) -> Self {
        Self::from_rule(right, ruling, |ruling| ruling.set.contains(word))
    }

    /// What a level says, given that it does or does not grant the right.
    pub(super) fn from_level(right: Capability, leveled: &StrongestLevel, grants: bool) -> Self {
        use crate::capability::PolicyLevel;
        match (leveled.rules(), leveled.level) {
            (None, _) => Self::NoRule,
            (Some(rules), _) if grants => Self::Granted(Grant::Rule(right, rules)),
            (Some(rules), Some(PolicyLevel::Deny)) => Self::Denied(rules.start),
            (Some(rules), _) => Self::NotGranted(rules.start),
        }
    }

    /// What a block with level and capabilities says to one capability: `write` first, then the set.
    pub(super) fn from_level_and_capabilities<W: BlockCapability>(
        right: Capability,
        capable: &LevelAndCapabilities<W>,
        word: W,
    ) -> Self {
        use crate::capability::PolicyLevel;
        if capable.level.level == Some(PolicyLevel::Write) {
            return Self::from_level(right, &capable.level, true);
        }
        if capable.set.contains(word) {
            return Self::Granted(Grant::Rule(right, capable.rules));
        }
        match (capable.deny, capable.level.rules()) {
            (Some(rule), _) => Self::Denied(rule),
            (None, Some(rules)) => Self::NotGranted(rules.start),
            (None, None) => Self::NoRule,
        }
    }
}
