//! What Nomad accepts without a word and its author surely did not mean.

use crate::{
    block::Block,
    capability::{Level, Word},
    item::Place,
    policy::Policy,
};

/// Something that Nomad accepts and that does nothing, or not what it seems to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A block type the language does not know. Strict reading refuses it.
    #[error("unknown block {key:?} is ignored")]
    UnknownBlock {
        /// Where it stands.
        place: Place,
        /// Its name.
        key: String,
    },
    /// A key inside a block that means nothing there. Strict reading accepts it too.
    #[error("unknown key {key:?} in {block} is ignored")]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The block around it.
        block: Block,
        /// The key.
        key: String,
    },
    /// A second label, which takes the body away from the rule.
    #[error("second label {label:?} on {block} hides its body; the rule grants nothing")]
    ExtraLabel {
        /// Where the second label stands.
        place: Place,
        /// The type of block.
        block: Block,
        /// The second label.
        label: String,
    },
    /// A block without label twice in one text: the later overwrites, even a deny.
    #[error("{block} appears again; its level overwrites the earlier one")]
    RepeatedBlock {
        /// Where the second one stands.
        place: Place,
        /// The type of block.
        block: Block,
    },
    /// A level that is accepted and grants nothing there.
    #[error("level {level} grants nothing in {block}")]
    EmptyLevel {
        /// Where the block stands.
        place: Place,
        /// The type of block.
        block: Block,
        /// The level.
        level: Level,
    },
    /// A `deny` capability beside a level of `write`, which wins.
    #[error("level write in {block} wins over its capability deny")]
    DenyWithoutEffect {
        /// Where the block stands.
        place: Place,
        /// The type of block.
        block: Block,
    },
}

impl Warning {
    /// Where in the text.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::UnknownBlock { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::ExtraLabel { place, .. }
            | Self::RepeatedBlock { place, .. }
            | Self::EmptyLevel { place, .. }
            | Self::DenyWithoutEffect { place, .. } => *place,
        }
    }
}

/// The warnings that only show once the words are understood.
pub(crate) fn of_meaning(policy: &Policy) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (block, level, place) in policy.levels() {
        let nothing = match block {
            Block::Namespace => level == Level::List,
            Block::Plugin => level == Level::Write,
            _ => level == Level::Scale,
        };
        if nothing {
            warnings.push(Warning::EmptyLevel { place, block, level });
        }
    }
    let sets = [
        (
            Block::Operator,
            policy.operator().map(|rule| (rule.level, denies(&rule.capabilities), rule.place)),
        ),
        (
            Block::Sentinel,
            policy.sentinel().map(|rule| (rule.level, denies(&rule.capabilities), rule.place)),
        ),
    ];
    for (block, rule) in sets {
        if let Some((Some(Level::Write), true, place)) = rule {
            warnings.push(Warning::DenyWithoutEffect { place, block });
        }
    }
    warnings
}

fn denies<W: Word>(words: &[W]) -> bool {
    words.iter().any(|word| word.as_str() == "deny")
}
