//! A block while it is read: every key is asked for by name, and what nobody asked for is a fault.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
    time::Duration,
};

use jiff::SignedDuration;

use super::{Fault, Node, Place, Value};

/// Where all faults are collected.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn push(&self, fault: Fault) {
        self.0.borrow_mut().push(fault);
    }

    pub(crate) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// A block, or one that was not written. When it is dropped, keys that were never asked for are faults.
pub(crate) struct Section<'a> {
    name: String,
    place: Place,
    entries: &'a [(String, Node)],
    asked: RefCell<BTreeSet<&'static str>>,
    /// Whether any key will do.
    is_open: bool,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    pub(crate) fn of(name: String, node: &'a Node, faults: &'a Faults) -> Self {
        let entries: &[(String, Node)] = match &node.value {
            Value::Table(entries) => entries,
            other => {
                faults.push(
                    node.place.fault(format!("{name} must be a block, not {}", other.kind())),
                );
                &[]
            }
        };
        let asked = RefCell::default();
        Self { name, place: node.place.clone(), entries, asked, is_open: false, faults }
    }

    fn absent(name: String, place: Place, faults: &'a Faults) -> Self {
        Self { name, place, entries: &[], asked: RefCell::default(), is_open: false, faults }
    }

    /// Complains about a key of this block, where it stands.
    pub(crate) fn complain(&self, key: &'static str, text: impl Display) {
        let place = self.node(key).map_or(&self.place, |node| &node.place);
        self.faults.push(place.fault(format!("{}: {text}", self.path(key))));
    }

    pub(crate) fn block(&self, key: &'static str) -> Self {
        match self.node(key) {
            Some(node) => Self::of(self.path(key), node, self.faults),
            None => Self::absent(self.path(key), self.place.clone(), self.faults),
        }
    }

    /// Whether a key is written at all.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// Blocks with a label each.
    pub(crate) fn labelled(&self, key: &'static str) -> Vec<(String, Self)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::Table(entries) = &node.value else {
            let text = format!("must be a block with a name, not {}", node.value.kind());
            self.complain(key, text);
            return Vec::new();
        };
        let inner = |(label, node): &'a (String, Node)| {
            let name = format!("{} {label:?}", self.path(key));
            (label.clone(), Self::of(name, node, self.faults))
        };
        entries.iter().map(inner).collect()
    }

    /// A block of free keys with strings.
    pub(crate) fn strings(&self, key: &'static str) -> BTreeMap<String, String> {
        let mut block = self.block(key);
        block.is_open = true;
        let mut strings = BTreeMap::new();
        for (name, node) in block.entries {
            match text(&node.value) {
                Some(text) => drop(strings.insert(name.clone(), text)),
                None => self.faults.push(node.place.fault(format!(
                    "{}.{name} must be a string, not {}",
                    block.name,
                    node.value.kind()
                ))),
            }
        }
        strings
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.read(key, "a string", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A whole number; one in quotes will do, as in Nomad.
    pub(crate) fn number<N: FromStr>(&self, key: &'static str) -> Option<N> {
        self.read(key, "a number in range", |value| match value {
            Value::Number(text) | Value::Text(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// `500ms`, `1m30s`.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.read(key, "a duration such as \"30s\"", |value| match value {
            Value::Text(text) => text.parse::<SignedDuration>().ok()?.try_into().ok(),
            _ => None,
        })
    }

    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        let list = self.read(key, "a list of strings", |value| match value {
            Value::List(items) => items.iter().map(|item| text(&item.value)).collect(),
            _ => None,
        });
        list.unwrap_or_default()
    }

    /// A string that means something more.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<T> {
        match self.text(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(key, error);
                None
            }
        }
    }

    fn read<T>(
        &self,
        key: &'static str,
        wanted: &str,
        as_wanted: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let value = as_wanted(&node.value);
        if value.is_none() {
            self.complain(key, format_args!("must be {wanted}"));
        }
        value
    }

    fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().insert(key);
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, node)| node).filter(|node| !matches!(node.value, Value::Null))
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.is_open {
            return;
        }
        let asked = self.asked.borrow();
        for (key, node) in self.entries.iter().filter(|(key, _)| !asked.contains(key.as_str())) {
            let text = format!("{} is no setting here", self.path(key));
            self.faults.push(node.place.fault(text));
        }
    }
}

/// A plain value as text: numbers and booleans in a list of arguments need no quotes.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::List(_) | Value::Table(_) => None,
    }
}
