//! The short words of `policy = "…"`.

use std::fmt;

/// A level: the short word of `policy = "…"`.
///
/// [`PolicyLevel::Scale`] means something in a namespace only and is nothing elsewhere;
/// [`PolicyLevel::List`] is a word of the plugin block alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the five levels are the whole language")]
pub enum PolicyLevel {
    /// Withdraws everything.
    Deny,
    /// Look, without changing anything.
    Read,
    /// See that something exists (plugin only).
    List,
    /// Look and change.
    Write,
    /// Scale jobs (namespace only).
    Scale,
}

impl PolicyLevel {
    /// Every level.
    pub const ALL: [Self; 5] = [Self::Deny, Self::Read, Self::List, Self::Write, Self::Scale];

    /// The spelling of this level.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Scale => "scale",
        }
    }

    /// The level with this spelling; case matters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// The place of this level when several policies set one: deny, then write, read, list, and
    /// `scale`, which ranks as nothing outside namespaces.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Deny => 4,
            Self::Write => 3,
            Self::Read => 2,
            Self::List => 1,
            Self::Scale => 0,
        }
    }
}

impl fmt::Display for PolicyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
