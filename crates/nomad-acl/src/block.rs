//! The types of block.

use std::fmt;

/// A type of block of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Block {
    /// `namespace "label"`: jobs, allocations and what belongs to them.
    Namespace,
    /// `node_pool "label"`.
    NodePool,
    /// `host_volume "label"`.
    HostVolume,
    /// `agent`: the agent's own calls.
    Agent,
    /// `node`: client nodes.
    Node,
    /// `operator`: what keeps the cluster running.
    Operator,
    /// `sentinel` (Enterprise).
    Sentinel,
    /// `quota` (Enterprise).
    Quota,
    /// `plugin`: CSI plugins.
    Plugin,
    /// `variables`, inside a namespace.
    Variables,
    /// `path "label"`, inside `variables`.
    Path,
}

impl Block {
    /// The blocks that may stand at the top level, in the order in which they are checked.
    pub(crate) const TOP_LEVEL: [Self; 9] = [
        Self::Namespace,
        Self::NodePool,
        Self::HostVolume,
        Self::Agent,
        Self::Node,
        Self::Operator,
        Self::Sentinel,
        Self::Quota,
        Self::Plugin,
    ];

    /// The name of the block in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::NodePool => "node_pool",
            Self::HostVolume => "host_volume",
            Self::Agent => "agent",
            Self::Node => "node",
            Self::Operator => "operator",
            Self::Sentinel => "sentinel",
            Self::Quota => "quota",
            Self::Plugin => "plugin",
            Self::Variables => "variables",
            Self::Path => "path",
        }
    }

    /// Whether the block needs a label.
    #[must_use]
    pub fn is_labelled(self) -> bool {
        matches!(self, Self::Namespace | Self::NodePool | Self::HostVolume | Self::Path)
    }

    /// The name of the block in Nomad's messages.
    pub(crate) fn message_name(self) -> &'static str {
        match self {
            Self::NodePool => "node pool",
            Self::HostVolume => "host volume",
            other => other.as_str(),
        }
    }

    /// The keys that mean something inside the block.
    pub(crate) fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Namespace => &["policy", "capabilities", "variables"],
            Self::NodePool | Self::HostVolume | Self::Operator | Self::Sentinel => {
                &["policy", "capabilities"]
            }
            Self::Agent | Self::Node | Self::Quota | Self::Plugin => &["policy"],
            Self::Variables => &["path"],
            Self::Path => &["capabilities"],
        }
    }

    /// Whether a label of this block may be spelled so. The alphabets differ in the underscore.
    pub(crate) fn allows_label(self, label: &str) -> bool {
        let fits = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'*')
                || (byte == b'_' && self == Self::NodePool)
        };
        (1..=MAX_LABEL_LEN).contains(&label.len()) && label.bytes().all(fits)
    }
}

/// The longest label Nomad accepts, in characters.
const MAX_LABEL_LEN: usize = 128;

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
