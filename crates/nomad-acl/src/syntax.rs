//! What both surface forms of a policy become: items with keys, before any meaning.
//!
//! `namespace "ops" { policy = "read" }` is one item with the keys `namespace` and `ops` whose value
//! is an object with one item. The JSON form ends in the same shape, so one decoder serves both.

use std::{fmt, rc::Rc};

/// The most bytes of policy text that are read. Nomad names no limit; a policy that a person can
/// still review is a few kilobytes, and what a server stores travels in a message of at most 1 MiB.
pub const MAX_POLICY_LEN: usize = 1024 * 1024;

/// How deeply objects and lists may nest. A real policy needs five levels; the reader is recursive,
/// so a hostile text must not choose the depth of our stack.
pub const MAX_POLICY_DEPTH: u32 = 64;

/// Where something stands in a text: line and column, both from 1, columns counted in characters.
///
/// Where a rule stands is no part of what it says, so two places always compare equal; ask for
/// [`TextPosition::line`] and [`TextPosition::column`] to tell them apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextPosition {
    line: u32,
    column: u32,
}

impl TextPosition {
    /// A place by line and column.
    #[must_use]
    pub fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }

    /// The line, from 1; 0 when the rule did not come from a text.
    #[must_use]
    pub fn line(self) -> u32 {
        self.line
    }

    /// The column in characters, from 1; 0 when the rule did not come from a text.
    #[must_use]
    pub fn column(self) -> u32 {
        self.column
    }

    /// Whether the place is known.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.line > 0
    }
}

impl PartialEq for TextPosition {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TextPosition {}

impl fmt::Display for TextPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A name or a label. The text is shared, because dissolving nested JSON objects repeats keys.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: Rc<str>,
    pub(crate) position: TextPosition,
}

impl Key {
    /// Whether this key is the name: names are compared without regard to case.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }
}

/// One item: its keys and its value.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) keys: Vec<Key>,
    pub(crate) value: Value,
}

/// The value of an item or an element of a list.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) data: ValueData,
    pub(crate) position: TextPosition,
}

/// The three shapes of a value.
#[derive(Clone, Debug)]
pub(crate) enum ValueData {
    /// A string, or the source text of a number or a bool.
    Literal(Rc<str>),
    /// `[…]`.
    List(Vec<Value>),
    /// `{…}`.
    Object(Vec<Item>),
}
