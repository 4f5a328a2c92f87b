//! A radix tree over byte strings: which of many keys begin this name, and which one is it?

use std::ops::Range;

/// The tree. Labels are ranges of one pool of bytes, so splitting an edge copies nothing and the
/// whole tree is linear in the keys put into it.
#[derive(Clone, Debug)]
pub(crate) struct Trie<V> {
    pool: Vec<u8>,
    nodes: Vec<Node<V>>,
}

#[derive(Clone, Debug)]
struct Node<V> {
    /// The bytes on the edge that leads here.
    label: Range<usize>,
    /// The first byte of each child's edge, beside the children.
    firsts: Vec<u8>,
    children: Vec<usize>,
    value: V,
}

impl<V: Default> Default for Trie<V> {
    fn default() -> Self {
        Self { pool: Vec::new(), nodes: vec![Node::new(0..0)] }
    }
}

impl<V: Default> Node<V> {
    fn new(label: Range<usize>) -> Self {
        Self { label, firsts: Vec::new(), children: Vec::new(), value: V::default() }
    }
}

const ROOT: usize = 0;

impl<V: Default> Trie<V> {
    /// The value at this key, made if it is not there.
    pub(crate) fn entry(&mut self, key: &[u8]) -> Option<&mut V> {
        let (mut node, mut rest) = (ROOT, key);
        while let Some(first) = rest.first() {
            let Some(slot) = self.slot(node, *first) else {
                node = self.add_leaf(node, rest);
                break;
            };
            let child = self.split(node, slot, rest);
            rest = rest.get(self.nodes.get(child)?.label.len()..)?;
            node = child;
        }
        self.nodes.get_mut(node).map(|node| &mut node.value)
    }

    fn slot(&self, node: usize, first: u8) -> Option<usize> {
        self.nodes.get(node)?.firsts.iter().position(|byte| *byte == first)
    }

    /// A new leaf below the node.
    fn add_leaf(&mut self, node: usize, rest: &[u8]) -> usize {
        let start = self.pool.len();
        self.pool.extend_from_slice(rest);
        self.add_child(node, start..self.pool.len())
    }

    fn add_child(&mut self, parent: usize, label: Range<usize>) -> usize {
        let first = self.pool.get(label.start).copied().unwrap_or_default();
        let child = self.nodes.len();
        self.nodes.push(Node::new(label));
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.firsts.push(first);
            parent.children.push(child);
        }
        child
    }

    /// The child in this slot, shortened to what it shares with the key.
    fn split(&mut self, parent: usize, slot: usize, rest: &[u8]) -> usize {
        let child = self.child(parent, slot);
        let label = self.label(child);
        let shared = self
            .pool
            .get(label.clone())
            .unwrap_or_default()
            .iter()
            .zip(rest)
            .take_while(|(a, b)| a == b)
            .count();
        if shared == label.len() {
            return child;
        }
        let middle = self.nodes.len();
        let mut node = Node::new(label.start..label.start + shared);
        node.firsts.push(self.pool.get(label.start + shared).copied().unwrap_or_default());
        node.children.push(child);
        self.nodes.push(node);
        if let Some(child) = self.nodes.get_mut(child) {
            child.label.start += shared;
        }
        if let Some(entry) =
            self.nodes.get_mut(parent).and_then(|parent| parent.children.get_mut(slot))
        {
            *entry = middle;
        }
        middle
    }

    fn child(&self, parent: usize, slot: usize) -> usize {
        let node = self.nodes.get(parent);
        node.and_then(|node| node.children.get(slot)).copied().unwrap_or_default()
    }

    fn label(&self, node: usize) -> Range<usize> {
        self.nodes.get(node).map_or(0..0, |node| node.label.clone())
    }
}

/// A name to walk along, from either end, in one piece or in two.
pub(crate) trait Name: Copy {
    /// The length in bytes.
    fn length(self) -> usize;

    /// The byte at this place, counted from where the walk starts.
    fn byte(self, at: usize) -> u8;

    /// Whether this label stands at this place; the name is long enough for it.
    fn has(self, label: &[u8], at: usize) -> bool;
}

impl<V> Trie<V> {
    /// Whether any key begins with this byte.
    pub(crate) fn has_keys_from(&self, first: u8) -> bool {
        self.nodes.first().is_some_and(|root| root.firsts.contains(&first))
    }

    /// Walks along a name and shows the value of every key that begins it, shortest first. Gives the
    /// value of the key that is the whole name.
    pub(crate) fn walk<'a>(&'a self, name: impl Name, mut see: impl FnMut(&'a V)) -> Option<&'a V> {
        let mut node = self.nodes.first()?;
        let mut at = 0;
        let length = name.length();
        loop {
            see(&node.value);
            if at == length {
                return Some(&node.value);
            }
            let first = name.byte(at);
            let slot = node.firsts.iter().position(|edge| *edge == first)?;
            node = self.nodes.get(*node.children.get(slot)?)?;
            let label = self.pool.get(node.label.clone())?;
            if length - at < label.len() || !name.has(label, at) {
                return None;
            }
            at += label.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Trie;
    use crate::label_index::Forward;

    proptest! {
        #[test]
        fn the_keys_that_begin_a_name_are_seen(
            keys in prop::collection::btree_set("[ab]{0,5}", 0..20),
            name in "[ab]{0,8}",
        ) {
            let mut trie = Trie::<Option<String>>::default();
            for key in &keys {
                *trie.entry(key.as_bytes()).unwrap() = Some(key.clone());
            }
            let mut seen = Vec::new();
            let found = trie.walk(Forward(name.as_bytes()), |value| seen.extend(value.clone()));
            let expected: Vec<_> = keys.iter().filter(|key| name.starts_with(*key)).cloned().collect();
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(found.and_then(Clone::clone), keys.get(&name).cloned());
        }
    }

    #[test]
    fn a_tree_is_linear_in_its_keys() {
        let mut trie = Trie::<bool>::default();
        let long = "x".repeat(1000);
        for end in (1..=1000).rev() {
            *trie.entry(&long.as_bytes()[..end]).unwrap() = true;
        }
        assert_eq!((trie.pool.len(), trie.nodes.len()), (1000, 1001));
    }
}
