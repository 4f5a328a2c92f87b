//! What Nomad accepts silently and the author hardly meant.

use crate::{
    block::Block,
    capability::{BlockCapability, PolicyLevel},
    policy::Policy,
    syntax::TextPosition,
};

/// Something that Nomad accepts and that does nothing, or not what it seems to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A block type the language does not know. Strict reading refuses it.
    #[error("unknown block {key:?} is ignored")]
    UnknownBlock {
        /// Where it stands.
        position: TextPosition,
        /// Its name.
        key: String,
    },
    /// A key inside a block that means nothing there. Strict reading accepts it too.
    #[error("unknown key {key:?} in {block} is ignored")]
    UnknownKey {
        /// Where it stands.
        position: TextPosition,
        /// The block around it.
        block: Block,
        /// The key.
        key: String,
    },
    /// A second label, which takes the body away from the rule.
    #[error("second label {label:?} on {block} hides its body; the rule grants nothing")]
    ExtraLabel {
        /// Where the second label stands.
        position: TextPosition,
        /// The type of block.
        block: Block,
        /// The second label.
        label: String,
    },
    /// A block without label twice in one text: the later overwrites, even a deny.
    #[error("{block} appears again; its level overwrites the earlier one")]
    RepeatedBlock {
        /// Where the second one stands.
        position: TextPosition,
        /// The type of block.
        block: Block,
    },
    /// A level that is accepted and grants nothing there.
    #[error("level {level} grants nothing in {block}")]
    EmptyLevel {
        /// Where the block stands.
        position: TextPosition,
        /// The type of block.
        block: Block,
        /// The level.
        level: PolicyLevel,
    },
    /// A `deny` capability beside a level of `write`, which wins.
    #[error("level write in {block} wins over its capability deny")]
    DenyWithoutEffect {
        /// Where the block stands.
        position: TextPosition,
        /// The type of block.
        block: Block,
    },
}

impl Warning {
    /// Where in the text.
    #[must_use]
    pub fn position(&self) -> TextPosition {
        match self {
            Self::UnknownBlock { position: place, .. }
            | Self::UnknownKey { position: place, .. }
            | Self::ExtraLabel { position: place, .. }
            | Self::RepeatedBlock { position: place, .. }
            | Self::EmptyLevel { position: place, .. }
            | Self::DenyWithoutEffect { position: place, .. } => *place,
        }
    }
}

/// The warnings that only show once the words are understood.
pub(crate) fn semantic_warnings(policy: &Policy) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (block, level, place) in policy.levels() {
        let nothing = match block {
            Block::Namespace => level == PolicyLevel::List,
            Block::Plugin => level == PolicyLevel::Write,
            _ => level == PolicyLevel::Scale,
        };
        if nothing {
            warnings.push(Warning::EmptyLevel { position: place, block, level });
        }
    }
    let sets = [
        (
            Block::Operator,
            policy.operator().map(|rule| (rule.level, denies(&rule.capabilities), rule.position)),
        ),
        (
            Block::Sentinel,
            policy.sentinel().map(|rule| (rule.level, denies(&rule.capabilities), rule.position)),
        ),
    ];
    for (block, rule) in sets {
        if let Some((Some(PolicyLevel::Write), true, place)) = rule {
            warnings.push(Warning::DenyWithoutEffect { position: place, block });
        }
    }
    warnings
}

fn denies<W: BlockCapability>(words: &[W]) -> bool {
    words.iter().any(|word| word.as_str() == "deny")
}
