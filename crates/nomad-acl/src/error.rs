//! Why a policy text is no policy.

use crate::syntax::TextPosition;

/// Why a text is no policy. The messages are Nomad's own where Nomad has one, capitals included;
/// where Nomad prints a dump of its memory, the offending word stands instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not in the language: a character, a token or an end where none may be.
    #[error("Failed to parse ACL Policy: At {position}: {reason}")]
    Syntax {
        /// Where reading stopped.
        position: TextPosition,
        /// What was wrong there.
        reason: String,
    },
    /// A value has the wrong shape: a list where a string is wanted, and the like.
    #[error("Failed to parse ACL Policy: At {position}: {reason}")]
    Shape {
        /// Where the value stands.
        position: TextPosition,
        /// What was wanted.
        reason: String,
    },
    /// A block that needs a label has none, and nothing between its braces either.
    #[error("Failed to parse ACL Policy: invalid acl policy: {block} without a label")]
    Unlabelled {
        /// Where the block stands.
        position: TextPosition,
        /// The type of the block.
        block: &'static str,
    },
    /// The text is longer than we read.
    #[error("Failed to parse ACL Policy: {length} bytes of rules, at most {limit} are read")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Objects and lists nest deeper than we follow.
    #[error("Failed to parse ACL Policy: At {position}: nested deeper than {limit} levels")]
    TooDeep {
        /// Where the limit was passed.
        position: TextPosition,
        /// The limit.
        limit: u32,
    },
    /// A long key stands above too many members of a JSON policy, each of which would repeat it.
    #[error("Failed to parse ACL Policy: At {position}: labels unfold to more than {limit} bytes")]
    TooWide {
        /// Where the key stands.
        position: TextPosition,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is text, but no block that the language knows.
    #[error("Invalid policy: {rules}")]
    Empty {
        /// The whole text, as Nomad repeats it.
        rules: String,
    },
    /// A label, level, capability or path that is not allowed there.
    #[error("{text}")]
    Invalid {
        /// Where the block stands.
        position: TextPosition,
        /// Nomad's sentence.
        text: String,
    },
    /// Strict reading only: unknown blocks, repeated blocks and labels too many.
    #[error("Invalid or duplicate policy keys: {}", keys.join(", "))]
    UnusedKeys {
        /// Where the first unknown block stands, when one is unknown.
        position: TextPosition,
        /// The keys left over, sorted.
        keys: Vec<String>,
    },
}

impl PolicyError {
    /// Where in the text, when the error has a place.
    #[must_use]
    pub fn position(&self) -> Option<TextPosition> {
        match self {
            Self::Syntax { position: place, .. }
            | Self::Shape { position: place, .. }
            | Self::Unlabelled { position: place, .. }
            | Self::TooDeep { position: place, .. }
            | Self::TooWide { position: place, .. }
            | Self::Invalid { position: place, .. }
            | Self::UnusedKeys { position: place, .. } => {
                Some(*place).filter(|place| place.is_known())
            }
            Self::TooLong { .. } | Self::Empty { .. } => None,
        }
    }
}
