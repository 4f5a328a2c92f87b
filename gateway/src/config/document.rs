//! What was written, whether in HCL, in JSON or on the command line: values that know where they stand.

mod hcl;
mod json;

use std::{fmt, path::Path, sync::Arc};

use super::Diagnostic;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceLocation {
    source: Arc<str>,
    /// Line and column, both from 1, where the format tells them.
    position: Option<(usize, usize)>,
}

/// A value, and where it stands.
#[derive(Clone)]
pub(crate) struct ConfigNode {
    pub(crate) location: SourceLocation,
    pub(crate) value: ConfigValue,
}

/// There may be keys among them, so they cannot be printed.
#[derive(Clone)]
pub(crate) enum ConfigValue {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    String(String),
    List(Vec<ConfigNode>),
    /// In the order of the text. A block with labels is a table of tables.
    Table(Vec<(String, ConfigNode)>),
}

impl SourceLocation {
    pub(crate) fn from_source(source: &str) -> Self {
        Self { source: source.into(), position: None }
    }

    pub(crate) fn with_position(&self, line: usize, column: usize) -> Self {
        Self { source: Arc::clone(&self.source), position: Some((line, column)) }
    }

    pub(crate) fn diagnostic(&self, text: impl Into<String>) -> Diagnostic {
        Diagnostic { location: self.clone(), text: text.into() }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// Reads a file's text; one whose name ends in `.json` is JSON, everything else HCL.
pub(crate) fn parse(path: &Path, text: &str) -> Result<ConfigNode, Vec<Diagnostic>> {
    let place = SourceLocation::from_source(&path.display().to_string());
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
        json::parse(&place, text)
    } else {
        hcl::parse(&place, text)
    }
}

impl ConfigNode {
    pub(crate) const fn empty_table(place: SourceLocation) -> Self {
        Self { location: place, value: ConfigValue::Table(Vec::new()) }
    }

    /// What stands in `later` too counts as it stands there; tables are merged, everything else is replaced.
    pub(crate) fn merge(&mut self, later: Self) {
        match (&mut self.value, later.value) {
            (ConfigValue::Table(entries), ConfigValue::Table(news)) => {
                for (key, node) in news {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => known.merge(node),
                        None => entries.push((key, node)),
                    }
                }
            }
            (value, news) => {
                *value = news;
                self.location = later.location;
            }
        }
    }

    /// Puts a value at a path of keys.
    pub(crate) fn set(&mut self, path: &[&str], node: Self) {
        let node = path.iter().rev().fold(node, |inner, key| Self {
            location: inner.location.clone(),
            value: ConfigValue::Table(vec![((*key).to_owned(), inner)]),
        });
        self.merge(node);
    }
}

impl ConfigValue {
    /// What kind of value it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "a block",
        }
    }
}
