//! A position in a text that knows its line and column.

use crate::{error::PolicyError, syntax::TextPosition};

/// A position in a text. It is cheap to copy, so a reader can go back to where a token started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1, column: 1 }
    }

    pub(crate) fn position(&self) -> TextPosition {
        TextPosition::new(self.line, self.column)
    }

    /// The text not yet read.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or("")
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes one character.
    pub(crate) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    /// Takes this many bytes, which must end between two characters.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let end = self.offset + bytes;
        while self.offset < end && self.bump().is_some() {}
    }

    /// Takes characters as long as they are wanted.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.offset;
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        self.text.get(start..self.offset).unwrap_or("")
    }

    /// Takes the character if it is the next one.
    pub(crate) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    /// A syntax error at this position.
    pub(crate) fn syntax_error(&self, reason: impl Into<String>) -> PolicyError {
        PolicyError::Syntax { position: self.position(), reason: reason.into() }
    }
}
