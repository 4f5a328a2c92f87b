//! One capability: what a policy grants and a call requires.

use std::{fmt, str::FromStr};

use crate::{
    block::Block,
    capability::{
        BlockCapability, HostVolumeCapability, NamespaceCapability, NodePoolCapability,
        OperatorCapability, PathCapability, SentinelCapability,
    },
};

/// One right. `Display` writes `block:word`, and [`FromStr`] reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// `agent { policy = … }`
    Agent(AccessLevel),
    /// `node { policy = … }`
    Node(AccessLevel),
    /// `quota { policy = … }`
    Quota(AccessLevel),
    /// `operator { policy = … }`; a capability never satisfies it.
    Operator(AccessLevel),
    /// A capability of the `operator` block; its level `write` satisfies it too.
    OperatorCapability(OperatorCapability),
    /// A capability of the `sentinel` block; its level `write` satisfies it too.
    Sentinel(SentinelCapability),
    /// `plugin { policy = "read" }`; `write` does not satisfy it.
    PluginRead,
    /// `plugin { policy = "list" }` or `read`; `write` does not satisfy it.
    PluginList,
    /// A capability in the namespace of the subject.
    Namespace(NamespaceCapability),
    /// Anything at all in the namespace of the subject.
    NamespaceAny,
    /// A capability on the node pool of the subject.
    NodePool(NodePoolCapability),
    /// Anything at all on the node pool of the subject.
    NodePoolAny,
    /// To search node pools: some pool rule that is no deny.
    NodePoolSearch,
    /// A capability on the host volume of the subject.
    HostVolume(HostVolumeCapability),
    /// Anything at all on the host volume of the subject.
    HostVolumeAny,
    /// A capability on the variable of the subject.
    Variable(PathCapability),
    /// To search variables of the subject's namespace: some path rule in it.
    VariableSearch,
    /// To be a management token; no policy grants it.
    Management,
}

/// How much of a coarse right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows no third level")]
pub enum AccessLevel {
    /// `read`; `write` includes it.
    Read,
    /// `write`.
    Write,
}

impl AccessLevel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|level| level.as_str() == text)
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Capability {
    /// The block of a policy that grants this right; `None` for what no policy grants.
    #[must_use]
    pub const fn block(self) -> Option<Block> {
        Some(match self {
            Self::Agent(_) => Block::Agent,
            Self::Node(_) => Block::Node,
            Self::Quota(_) => Block::Quota,
            Self::Operator(_) | Self::OperatorCapability(_) => Block::Operator,
            Self::Sentinel(_) => Block::Sentinel,
            Self::PluginRead | Self::PluginList => Block::Plugin,
            Self::Namespace(_) | Self::NamespaceAny => Block::Namespace,
            Self::NodePool(_) | Self::NodePoolAny | Self::NodePoolSearch => Block::NodePool,
            Self::HostVolume(_) | Self::HostVolumeAny => Block::HostVolume,
            Self::Variable(_) | Self::VariableSearch => Block::Path,
            Self::Management => return None,
        })
    }

    /// Whether the answer depends on which object is meant.
    pub(crate) const fn depends_on_subject(self) -> bool {
        match self {
            Self::Namespace(_)
            | Self::NamespaceAny
            | Self::NodePool(_)
            | Self::NodePoolAny
            | Self::HostVolume(_)
            | Self::HostVolumeAny
            | Self::Variable(_)
            | Self::VariableSearch => true,
            Self::Agent(_)
            | Self::Node(_)
            | Self::Quota(_)
            | Self::Operator(_)
            | Self::OperatorCapability(_)
            | Self::Sentinel(_)
            | Self::PluginRead
            | Self::PluginList
            | Self::NodePoolSearch
            | Self::Management => false,
        }
    }

    /// The word of this right within its block.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent(level) | Self::Node(level) | Self::Quota(level) | Self::Operator(level) => {
                level.as_str()
            }
            Self::OperatorCapability(word) => word.as_str(),
            Self::Sentinel(word) => word.as_str(),
            Self::PluginRead => "read",
            Self::PluginList => "list",
            Self::Namespace(word) => word.as_str(),
            Self::NodePool(word) => word.as_str(),
            Self::HostVolume(word) => word.as_str(),
            Self::Variable(word) => word.as_str(),
            Self::NamespaceAny | Self::NodePoolAny | Self::HostVolumeAny => "any",
            Self::NodePoolSearch | Self::VariableSearch => "search",
            Self::Management => "management",
        }
    }

    fn parse(block: &str, word: &str) -> Option<Self> {
        Some(match block {
            "agent" => Self::Agent(AccessLevel::parse(word)?),
            "node" => Self::Node(AccessLevel::parse(word)?),
            "quota" => Self::Quota(AccessLevel::parse(word)?),
            "operator" => match AccessLevel::parse(word) {
                Some(level) => Self::Operator(level),
                None => Self::OperatorCapability(OperatorCapability::parse(word)?),
            },
            "sentinel" => Self::Sentinel(SentinelCapability::parse(word)?),
            "plugin" if word == "read" => Self::PluginRead,
            "plugin" if word == "list" => Self::PluginList,
            "namespace" if word == "any" => Self::NamespaceAny,
            "namespace" => Self::Namespace(NamespaceCapability::parse(word)?),
            "node_pool" if word == "any" => Self::NodePoolAny,
            "node_pool" if word == "search" => Self::NodePoolSearch,
            "node_pool" => Self::NodePool(NodePoolCapability::parse(word)?),
            "host_volume" if word == "any" => Self::HostVolumeAny,
            "host_volume" => Self::HostVolume(HostVolumeCapability::parse(word)?),
            "variables" if word == "search" => Self::VariableSearch,
            "variables" => Self::Variable(PathCapability::parse(word)?),
            _ => return None,
        })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block() {
            None => f.write_str(self.name()),
            Some(Block::Path) => write!(f, "variables:{}", self.name()),
            Some(block) => write!(f, "{block}:{}", self.name()),
        }
    }
}

/// The text is no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such right: {0:?}; a right is written block:word, as in namespace:read-job")]
pub struct CapabilityError(String);

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        if text == "management" {
            return Ok(Self::Management);
        }
        text.split_once(':')
            .and_then(|(block, word)| Self::parse(block, word))
            .ok_or_else(|| CapabilityError(text.to_owned()))
    }
}

/// `a or b`.
pub(super) fn write_alternatives(f: &mut fmt::Formatter<'_>, rights: &[Capability]) -> fmt::Result {
    for (index, right) in rights.iter().enumerate() {
        write!(f, "{}{right}", if index == 0 { "" } else { " or " })?;
    }
    Ok(())
}
