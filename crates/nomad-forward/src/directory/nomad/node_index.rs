//! The nodes of a region by id, by the beginning of an id, and by name.

use std::{
    cmp::Ordering,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use nomad_wire::NodeId;

use super::body;
use crate::directory::NameMatch;

/// The shortest beginning of a node id that is looked up: the command line demands as much.
pub(super) const MIN_PREFIX: usize = 2;

/// A node, as the list shows it.
#[derive(Debug)]
pub(super) struct NodeEntry {
    pub(super) id: NodeId,
    pub(super) name: Box<str>,
    /// The host of its HTTP address; the list says no port.
    pub(super) host: Box<str>,
    pub(super) version: NodeVersion,
    pub(super) status: NodeStatus,
    /// Changes whenever another live node of the same host comes, goes or changes; 0 when there is none.
    pub(super) neighbours_hash: u64,
}

/// When a node was registered and changed: indexes of Nomad's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeVersion {
    pub(super) created: u64,
    pub(super) modified: u64,
}

impl NodeVersion {
    /// Whether a live node of this age may have taken the address of one of the other age. A node that comes back with a new
    /// id was created later; one that takes over an address was modified later.
    pub(super) const fn may_displace(self, other: Self) -> bool {
        self.created > other.created || self.modified > other.modified
    }
}

/// What the servers say of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeStatus {
    Ready,
    /// The servers have not heard of it for a while: `down` or `disconnected`.
    Down,
    /// `initializing`, and what newer servers may say.
    Other,
}

impl NodeStatus {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "ready" => Self::Ready,
            "down" | "disconnected" => Self::Down,
            _ => Self::Other,
        }
    }

    /// Whether the servers hear of it, so that it has its address.
    pub(super) const fn is_alive(self) -> bool {
        !matches!(self, Self::Down)
    }
}

impl NodeEntry {
    /// An entry of the list; nothing when its id is none.
    pub(super) fn from_list_entry(stub: &body::NodeStub<'_>) -> Option<Self> {
        Some(Self {
            id: stub.id.parse().ok()?,
            name: (*stub.name).into(),
            host: (*stub.address).into(),
            version: NodeVersion { created: stub.create_index, modified: stub.modify_index },
            status: NodeStatus::parse(&stub.status),
            neighbours_hash: 0,
        })
    }

    /// Sums up to the neighbourhoods of the others.
    fn fingerprint(&self) -> u64 {
        if !self.status.is_alive() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        (self.id.as_bytes(), self.version).hash(&mut hasher);
        hasher.finish()
    }
}

/// All nodes of a list: about 180 bytes each.
#[derive(Debug, Default)]
pub(super) struct NodeIndex {
    /// In the order of their ids.
    nodes: Box<[NodeEntry]>,
    /// Positions in `nodes`, in the order of their names.
    by_name: Box<[u32]>,
    /// Positions in `nodes`, in the order of their hosts, of one host those first that changed last.
    by_host: Box<[u32]>,
}

/// What a piece of text means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NodeMatch {
    None,
    One(NodeId),
    Several(usize),
}

impl NodeIndex {
    pub(super) fn new(mut nodes: Vec<NodeEntry>) -> Self {
        nodes.sort_unstable_by_key(|node| node.id);
        let order = |compare: fn(&NodeEntry, &NodeEntry) -> Ordering| {
            let mut order: Vec<u32> = (0..).take(nodes.len()).collect();
            order.sort_unstable_by(|a, b| compare(&nodes[*a as usize], &nodes[*b as usize]));
            order.into_boxed_slice()
        };
        let by_name = order(|a, b| a.name.cmp(&b.name));
        let by_host =
            order(|a, b| a.host.cmp(&b.host).then(b.version.modified.cmp(&a.version.modified)));
        let mut rest = &*by_host;
        while let Some(first) = rest.first() {
            let host = &nodes[*first as usize].host;
            let count = rest.partition_point(|at| nodes[*at as usize].host <= *host);
            let (neighbours, others) = rest.split_at(count);
            let marks = neighbours.iter().map(|at| nodes[*at as usize].fingerprint());
            let all = marks.fold(0, u64::wrapping_add);
            for at in neighbours {
                let node = &mut nodes[*at as usize];
                node.neighbours_hash = all.wrapping_sub(node.fingerprint());
            }
            rest = others;
        }
        Self { nodes: nodes.into(), by_name, by_host }
    }

    /// The entries of a list, as a server wrote them.
    pub(super) fn from_list(stubs: &[body::NodeStub<'_>]) -> Self {
        Self::new(stubs.iter().filter_map(NodeEntry::from_list_entry).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn find(&self, id: &NodeId) -> Option<&NodeEntry> {
        let at = self.nodes.binary_search_by(|node| node.id.cmp(id)).ok()?;
        self.nodes.get(at)
    }

    /// All of them, in the order of their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &NodeEntry> {
        self.nodes.iter()
    }

    /// Nodes that should answer.
    pub(super) fn ready(&self) -> impl Iterator<Item = &NodeEntry> {
        self.nodes.iter().filter(|node| node.status == NodeStatus::Ready)
    }

    /// All nodes whose HTTP address has this host, those first that changed last.
    pub(super) fn at_host<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a NodeEntry> {
        let of = |at: &u32| &*self.nodes[*at as usize].host;
        let from = self.by_host.partition_point(|at| of(at) < host);
        let at_host = self.by_host[from..].iter().take_while(move |at| of(at) == host);
        at_host.map(|at| &self.nodes[*at as usize])
    }

    /// Which node has this name, or else, where that will do, an id that begins so. Of several with one name the one
    /// that is ready is meant: the others are what is left of a node that was registered anew.
    pub(super) fn match_name(&self, text: &str, spelling: NameMatch) -> NodeMatch {
        let node = |at: &u32| &self.nodes[*at as usize];
        let from = self.by_name.partition_point(|at| *node(at).name < *text);
        let named = || self.by_name[from..].iter().map(node).take_while(|node| *node.name == *text);
        let ready = || named().filter(|node| node.status == NodeStatus::Ready);
        match (named().count(), ready().count()) {
            (0, _) => match spelling {
                NameMatch::Prefix => self.match_prefix(text),
                NameMatch::Exact => NodeMatch::None,
            },
            (1, _) => named().next().map_or(NodeMatch::None, |node| NodeMatch::One(node.id)),
            (_, 1) => ready().next().map_or(NodeMatch::None, |node| NodeMatch::One(node.id)),
            (several, _) => NodeMatch::Several(several),
        }
    }

    fn match_prefix(&self, text: &str) -> NodeMatch {
        if text.len() < MIN_PREFIX {
            return NodeMatch::None;
        }
        let prefix = text.to_ascii_lowercase();
        let from = self.nodes.partition_point(|node| node.id.as_str() < &*prefix);
        let fitting =
            self.nodes[from..].iter().take_while(|node| node.id.as_str().starts_with(&*prefix));
        match fitting.count() {
            0 => NodeMatch::None,
            1 => NodeMatch::One(self.nodes[from].id),
            several => NodeMatch::Several(several),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stub(id: &str, name: &str, host: &str, status: NodeStatus) -> NodeEntry {
        let age = NodeVersion { created: 1, modified: 1 };
        let (id, name, host) = (id.parse().unwrap(), name.into(), host.into());
        NodeEntry { id, name, host, version: age, status, neighbours_hash: 0 }
    }

    const ONE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    const TWO: &str = "9bb2aaaa-7630-ebf4-b8b8-c11ee8847863";
    const THREE: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

    #[test]
    fn a_node_is_found_by_name_and_by_the_beginning_of_its_id() {
        let nodes = NodeIndex::new(
            [(TWO, "twin"), (ONE, "only"), (THREE, "twin")]
                .map(|(id, name)| stub(id, name, "", NodeStatus::Ready))
                .into(),
        );
        let found = NodeMatch::One(ONE.parse().unwrap());
        let like = |text| nodes.match_name(text, NameMatch::Prefix);
        assert_eq!(like("only"), found);
        assert_eq!(like("9bb1"), found);
        assert_eq!(like("9BB118CC-7"), found);
        assert_eq!(like("9bb"), NodeMatch::Several(2));
        assert_eq!(like("twin"), NodeMatch::Several(2));
        for text in ["9", "", "9bb3", "onl", "zz"] {
            assert_eq!(like(text), NodeMatch::None, "{text}");
        }
        assert_eq!(nodes.find(&TWO.parse().unwrap()).unwrap().name, "twin".into());
        // In full only: a name, and nothing that begins so.
        assert_eq!(nodes.match_name("only", NameMatch::Exact), found);
        assert_eq!(nodes.match_name("9bb1", NameMatch::Exact), NodeMatch::None);
        assert_eq!(nodes.match_name("9bb", NameMatch::Exact), NodeMatch::None);
    }

    #[test]
    fn of_two_nodes_with_one_name_the_ready_one_is_meant() {
        let nodes = NodeIndex::new(vec![
            stub(ONE, "twin", "", NodeStatus::Down),
            stub(TWO, "twin", "", NodeStatus::Ready),
            stub(THREE, "twin", "", NodeStatus::Other),
        ]);
        assert_eq!(
            nodes.match_name("twin", NameMatch::Prefix),
            NodeMatch::One(TWO.parse().unwrap())
        );
    }

    #[test]
    fn a_neighbourhood_changes_with_every_live_node_but_the_own_one() {
        let of = |two: NodeStatus, modified| {
            let mut one = stub(ONE, "one", "10.0.0.1", NodeStatus::Ready);
            one.version.modified = modified;
            let nodes = NodeIndex::new(vec![
                one,
                stub(TWO, "two", "10.0.0.1", two),
                stub(THREE, "three", "10.0.0.2", NodeStatus::Ready),
            ]);
            let at = |id: &str| nodes.find(&id.parse().unwrap()).unwrap().neighbours_hash;
            assert_eq!(nodes.at_host("10.0.0.1").count(), 2);
            (at(ONE), at(TWO), at(THREE))
        };
        let (one, two, three) = of(NodeStatus::Ready, 1);
        assert!(one != 0 && two != 0 && three == 0);
        assert_eq!(of(NodeStatus::Ready, 2).0, one);
        assert_ne!(of(NodeStatus::Ready, 2).1, two);
        assert_eq!(of(NodeStatus::Down, 1).0, 0);
    }
}
