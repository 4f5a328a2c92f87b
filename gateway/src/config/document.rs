//! What was written, whether in HCL, in JSON or on the command line: values that know where they stand.

mod hcl;
mod json;

use std::{fmt, path::Path, sync::Arc};

use super::Fault;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    source: Arc<str>,
    /// Line and column, both from 1, where the format tells them.
    position: Option<(usize, usize)>,
}

/// A value, and where it stands.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// There may be keys among them, so they cannot be printed.
#[derive(Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text. A block with labels is a table of tables.
    Table(Vec<(String, Node)>),
}

impl Place {
    pub(crate) fn of(source: &str) -> Self {
        Self { source: source.into(), position: None }
    }

    pub(crate) fn at(&self, line: usize, column: usize) -> Self {
        Self { source: Arc::clone(&self.source), position: Some((line, column)) }
    }

    pub(crate) fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { place: self.clone(), text: text.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// Reads a file's text; one whose name ends in `.json` is JSON, everything else HCL.
pub(crate) fn read(path: &Path, text: &str) -> Result<Node, Vec<Fault>> {
    let place = Place::of(&path.display().to_string());
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
        json::read(&place, text)
    } else {
        hcl::read(&place, text)
    }
}

impl Node {
    pub(crate) const fn table(place: Place) -> Self {
        Self { place, value: Value::Table(Vec::new()) }
    }

    /// What stands in `later` too counts as it stands there; tables are merged, everything else is replaced.
    pub(crate) fn merge(&mut self, later: Self) {
        match (&mut self.value, later.value) {
            (Value::Table(entries), Value::Table(news)) => {
                for (key, node) in news {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => known.merge(node),
                        None => entries.push((key, node)),
                    }
                }
            }
            (value, news) => {
                *value = news;
                self.place = later.place;
            }
        }
    }

    /// Puts a value at a path of keys.
    pub(crate) fn set(&mut self, path: &[&str], node: Self) {
        let node = path.iter().rev().fold(node, |inner, key| Self {
            place: inner.place.clone(),
            value: Value::Table(vec![((*key).to_owned(), inner)]),
        });
        self.merge(node);
    }
}

impl Value {
    /// What kind of value it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "a block",
        }
    }
}
