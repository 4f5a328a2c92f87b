//! A block while it is read: every key is asked for by name, and what nobody asked for is a fault.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
    time::Duration,
};

use jiff::SignedDuration;

use super::{ConfigNode, ConfigValue, Diagnostic, SourceLocation};

/// Where all faults are collected.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics(RefCell<Vec<Diagnostic>>);

impl Diagnostics {
    pub(crate) fn push(&self, fault: Diagnostic) {
        self.0.borrow_mut().push(fault);
    }

    pub(crate) fn into_inner(self) -> Vec<Diagnostic> {
        self.0.into_inner()
    }
}

/// A block, or one that was not written. When it is dropped, keys that were never asked for are faults.
pub(crate) struct Section<'a> {
    name: String,
    place: SourceLocation,
    entries: &'a [(String, ConfigNode)],
    keys_read: RefCell<BTreeSet<&'static str>>,
    /// Whether any key will do.
    allows_any_key: bool,
    diagnostics: &'a Diagnostics,
}

impl<'a> Section<'a> {
    pub(crate) fn new(name: String, node: &'a ConfigNode, faults: &'a Diagnostics) -> Self {
        let entries: &[(String, ConfigNode)] = match &node.value {
            ConfigValue::Table(entries) => entries,
            other => {
                faults.push(
                    node.location
                        .diagnostic(format!("{name} must be a block, not {}", other.kind())),
                );
                &[]
            }
        };
        let asked = RefCell::default();
        Self {
            name,
            place: node.location.clone(),
            entries,
            keys_read: asked,
            allows_any_key: false,
            diagnostics: faults,
        }
    }

    fn absent(name: String, place: SourceLocation, faults: &'a Diagnostics) -> Self {
        Self {
            name,
            place,
            entries: &[],
            keys_read: RefCell::default(),
            allows_any_key: false,
            diagnostics: faults,
        }
    }

    /// Complains about a key of this block, where it stands.
    pub(crate) fn report(&self, key: &'static str, text: impl Display) {
        let place = self.node(key).map_or(&self.place, |node| &node.location);
        self.diagnostics.push(place.diagnostic(format!("{}: {text}", self.path(key))));
    }

    pub(crate) fn block(&self, key: &'static str) -> Self {
        match self.node(key) {
            Some(node) => Self::new(self.path(key), node, self.diagnostics),
            None => Self::absent(self.path(key), self.place.clone(), self.diagnostics),
        }
    }

    /// Whether a key is written at all.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// Blocks with a label each.
    pub(crate) fn labelled(&self, key: &'static str) -> Vec<(String, Self)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let ConfigValue::Table(entries) = &node.value else {
            let text = format!("must be a block with a name, not {}", node.value.kind());
            self.report(key, text);
            return Vec::new();
        };
        let inner = |(label, node): &'a (String, ConfigNode)| {
            let name = format!("{} {label:?}", self.path(key));
            (label.clone(), Self::new(name, node, self.diagnostics))
        };
        entries.iter().map(inner).collect()
    }

    /// A block of free keys with strings.
    pub(crate) fn string_map(&self, key: &'static str) -> BTreeMap<String, String> {
        let mut block = self.block(key);
        block.allows_any_key = true;
        let mut strings = BTreeMap::new();
        for (name, node) in block.entries {
            match scalar_text(&node.value) {
                Some(text) => drop(strings.insert(name.clone(), text)),
                None => self.diagnostics.push(node.location.diagnostic(format!(
                    "{}.{name} must be a string, not {}",
                    block.name,
                    node.value.kind()
                ))),
            }
        }
        strings
    }

    pub(crate) fn string(&self, key: &'static str) -> Option<String> {
        self.get(key, "a string", |value| match value {
            ConfigValue::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.get(key, "true or false", |value| match value {
            ConfigValue::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A whole number; one in quotes will do, as in Nomad.
    pub(crate) fn number<N: FromStr>(&self, key: &'static str) -> Option<N> {
        self.get(key, "a number in range", |value| match value {
            ConfigValue::Number(text) | ConfigValue::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// `500ms`, `1m30s`.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.get(key, "a duration such as \"30s\"", |value| match value {
            ConfigValue::String(text) => text.parse::<SignedDuration>().ok()?.try_into().ok(),
            _ => None,
        })
    }

    pub(crate) fn string_list(&self, key: &'static str) -> Vec<String> {
        let list = self.get(key, "a list of strings", |value| match value {
            ConfigValue::List(items) => items.iter().map(|item| scalar_text(&item.value)).collect(),
            _ => None,
        });
        list.unwrap_or_default()
    }

    /// A string that means something more.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<T> {
        match self.string(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(key, error);
                None
            }
        }
    }

    fn get<T>(
        &self,
        key: &'static str,
        wanted: &str,
        as_wanted: impl Fn(&ConfigValue) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let value = as_wanted(&node.value);
        if value.is_none() {
            self.report(key, format_args!("must be {wanted}"));
        }
        value
    }

    fn node(&self, key: &'static str) -> Option<&'a ConfigNode> {
        self.keys_read.borrow_mut().insert(key);
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, node)| node).filter(|node| !matches!(node.value, ConfigValue::Null))
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.allows_any_key {
            return;
        }
        let asked = self.keys_read.borrow();
        for (key, node) in self.entries.iter().filter(|(key, _)| !asked.contains(key.as_str())) {
            let text = format!("{} is no setting here", self.path(key));
            self.diagnostics.push(node.location.diagnostic(text));
        }
    }
}

/// A plain value as text: numbers and booleans in a list of arguments need no quotes.
fn scalar_text(value: &ConfigValue) -> Option<String> {
    match value {
        ConfigValue::String(text) | ConfigValue::Number(text) => Some(text.clone()),
        ConfigValue::Bool(flag) => Some(flag.to_string()),
        ConfigValue::Null | ConfigValue::List(_) | ConfigValue::Table(_) => None,
    }
}
