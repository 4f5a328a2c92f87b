//! The nodes of a region by id, by the beginning of an id, and by name.

use nomad_wire::NodeId;

/// The shortest beginning of a node id that is looked up: the command line demands as much.
pub(super) const MIN_PREFIX: usize = 2;

/// A node, as the list shows it.
#[derive(Debug)]
pub(super) struct Stub {
    pub(super) id: NodeId,
    pub(super) name: Box<str>,
    pub(super) modified: u64,
    pub(super) is_ready: bool,
}

/// All nodes of a list: about 130 bytes each.
#[derive(Debug, Default)]
pub(super) struct NodeIndex {
    /// In the order of their ids.
    nodes: Box<[Stub]>,
    /// Positions in `nodes`, in the order of their names.
    by_name: Box<[u32]>,
}

/// What a piece of text means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Like {
    Nobody,
    One(NodeId),
    Several(usize),
}

impl NodeIndex {
    pub(super) fn new(mut nodes: Vec<Stub>) -> Self {
        nodes.sort_unstable_by_key(|node| node.id);
        let mut by_name: Vec<u32> = (0..).take(nodes.len()).collect();
        by_name.sort_unstable_by(|a, b| nodes[*a as usize].name.cmp(&nodes[*b as usize].name));
        Self { nodes: nodes.into(), by_name: by_name.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn find(&self, id: &NodeId) -> Option<&Stub> {
        let at = self.nodes.binary_search_by(|node| node.id.cmp(id)).ok()?;
        self.nodes.get(at)
    }

    /// All of them, in the order of their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &Stub> {
        self.nodes.iter()
    }

    /// Nodes that should answer.
    pub(super) fn ready(&self) -> impl Iterator<Item = &Stub> {
        self.nodes.iter().filter(|node| node.is_ready)
    }

    /// Which node has this name, or else an id that begins so.
    pub(super) fn like(&self, text: &str) -> Like {
        let name = |at: &u32| &*self.nodes[*at as usize].name;
        let from = self.by_name.partition_point(|at| name(at) < text);
        let named = self.by_name[from..].iter().take_while(|at| name(at) == text).count();
        match named {
            0 => self.beginning_with(text),
            1 => Like::One(self.nodes[self.by_name[from] as usize].id),
            several => Like::Several(several),
        }
    }

    fn beginning_with(&self, text: &str) -> Like {
        if text.len() < MIN_PREFIX {
            return Like::Nobody;
        }
        let prefix = text.to_ascii_lowercase();
        let from = self.nodes.partition_point(|node| node.id.as_str() < &*prefix);
        let fitting =
            self.nodes[from..].iter().take_while(|node| node.id.as_str().starts_with(&*prefix));
        match fitting.count() {
            0 => Like::Nobody,
            1 => Like::One(self.nodes[from].id),
            several => Like::Several(several),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(nodes: &[(&str, &str)]) -> NodeIndex {
        let stub = |(id, name): &(&str, &str)| Stub {
            id: id.parse().unwrap(),
            name: (*name).into(),
            modified: 1,
            is_ready: true,
        };
        NodeIndex::new(nodes.iter().map(stub).collect())
    }

    #[test]
    fn a_node_is_found_by_name_and_by_the_beginning_of_its_id() {
        let (one, two) =
            ("9bb118cc-7630-ebf4-b8b8-c11ee8847863", "9bb2aaaa-7630-ebf4-b8b8-c11ee8847863");
        let nodes = index(&[
            (two, "twin"),
            (one, "only"),
            ("078367fb-eec8-87bf-8d99-0c0a5e3f7c7c", "twin"),
        ]);
        let found = Like::One(one.parse().unwrap());
        assert_eq!(nodes.like("only"), found);
        assert_eq!(nodes.like("9bb1"), found);
        assert_eq!(nodes.like("9BB118CC-7"), found);
        assert_eq!(nodes.like("9bb"), Like::Several(2));
        assert_eq!(nodes.like("twin"), Like::Several(2));
        for text in ["9", "", "9bb3", "onl", "zz"] {
            assert_eq!(nodes.like(text), Like::Nobody, "{text}");
        }
        assert_eq!(nodes.find(&two.parse().unwrap()).unwrap().name, "twin".into());
    }
}
