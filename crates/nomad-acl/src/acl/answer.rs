//! What one store says to one right.

use crate::{
    capability::Word,
    compile::{Capable, Leveled, Ruling},
    decision::Grant,
    requirement::Right,
};

/// Yes, or the nearest thing to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Yes(Grant),
    /// This rule says deny.
    Denied(u32),
    /// This rule is the closest and lacks the right.
    Lacks(u32),
    /// No rule is about the subject.
    Nothing,
}

impl Answer {
    /// What the ruling says, given that it does or does not grant the right.
    pub(super) fn of<W: Word>(
        right: Right,
        ruling: Option<&Ruling<W>>,
        grants: impl Fn(&Ruling<W>) -> bool,
    ) -> Self {
        match ruling {
            None => Self::Nothing,
            Some(ruling) if grants(ruling) => Self::Yes(Grant::Rule(right, ruling.rules)),
            Some(Ruling { deny: Some(rule), .. }) => Self::Denied(*rule),
            Some(ruling) => Self::Lacks(ruling.rules.from),
        }
    }

    /// What a ruling says to one word.
    pub(super) fn word<W: Word>(right: Right, ruling: Option<&Ruling<W>>, word: W) -> Self {
        Self::of(right, ruling, |ruling| ruling.set.has(word))
    }

    /// What a level says, given that it does or does not grant the right.
    pub(super) fn level(right: Right, leveled: &Leveled, grants: bool) -> Self {
        use crate::capability::Level;
        match (leveled.rules(), leveled.level) {
            (None, _) => Self::Nothing,
            (Some(rules), _) if grants => Self::Yes(Grant::Rule(right, rules)),
            (Some(rules), Some(Level::Deny)) => Self::Denied(rules.from),
            (Some(rules), _) => Self::Lacks(rules.from),
        }
    }

    /// What a block with level and capabilities says to one capability: `write` first, then the set.
    pub(super) fn capable<W: Word>(right: Right, capable: &Capable<W>, word: W) -> Self {
        use crate::capability::Level;
        if capable.level.level == Some(Level::Write) {
            return Self::level(right, &capable.level, true);
        }
        if capable.set.has(word) {
            return Self::Yes(Grant::Rule(right, capable.rules));
        }
        match (capable.deny, capable.level.rules()) {
            (Some(rule), _) => Self::Denied(rule),
            (None, Some(rules)) => Self::Lacks(rules.from),
            (None, None) => Self::Nothing,
        }
    }
}
