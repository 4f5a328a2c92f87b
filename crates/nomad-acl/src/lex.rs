//! Policy text → tokens with positions, for the HCL form.
//!
//! This is HCL 1, not HCL 2: no newline is ever required, keys may be quoted, a comma may follow
//! any item, and `${…}` is plain text inside which quotes do not end the string.

mod cursor;
mod string;

use std::rc::Rc;

use crate::{error::PolicyError, item::Place};

pub(crate) use self::cursor::Cursor;

/// One token and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

/// The kinds of token; comments and white space are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bare word: starts with a letter or `_`.
    Word(Rc<str>),
    /// A quoted string, escapes undone.
    Text(Rc<str>),
    /// A heredoc, a number or a bool, as the value it has where a string is wanted.
    Other(Rc<str>),
    Assign,
    Comma,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    End,
}

/// The tokens of one text.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text) }
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token, PolicyError> {
        self.skip_blank()?;
        let place = self.cursor.place();
        let kind = match self.cursor.peek() {
            None => Kind::End,
            Some(first) if first == '_' || first.is_alphabetic() => self.word(),
            Some(first) if first == '-' || first.is_ascii_digit() => self.number()?,
            Some('"') => Kind::Text(string::quoted(&mut self.cursor)?.into()),
            Some('<') => Kind::Other(string::heredoc(&mut self.cursor)?.into()),
            Some(_) => self.mark()?,
        };
        Ok(Token { kind, place })
    }

    fn mark(&mut self) -> Result<Kind, PolicyError> {
        let kind = match self.cursor.peek() {
            Some('=') => Kind::Assign,
            Some(',') => Kind::Comma,
            Some('{') => Kind::OpenBrace,
            Some('}') => Kind::CloseBrace,
            Some('[') => Kind::OpenBracket,
            Some(']') => Kind::CloseBracket,
            _ => return Err(self.cursor.fault("illegal character")),
        };
        self.cursor.bump();
        Ok(kind)
    }

    /// A word goes on with letters, digits, `-`, `.` and `_`; `true` and `false` are values.
    fn word(&mut self) -> Kind {
        let word = self
            .cursor
            .take_while(|next| next.is_alphanumeric() || matches!(next, '-' | '.' | '_'));
        if matches!(word, "true" | "false") {
            Kind::Other(word.into())
        } else {
            Kind::Word(word.into())
        }
    }

    /// A number keeps its source text; whether it is well formed is all that is asked of it.
    fn number(&mut self) -> Result<Kind, PolicyError> {
        let start = self.cursor;
        let text = self
            .cursor
            .take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '+'));
        if is_number(text) {
            Ok(Kind::Other(text.into()))
        } else {
            Err(start.fault("illegal number"))
        }
    }

    fn skip_blank(&mut self) -> Result<(), PolicyError> {
        loop {
            self.cursor.take_while(|next| matches!(next, ' ' | '\t' | '\n' | '\r'));
            let rest = self.cursor.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                self.cursor.take_while(|next| next != '\n');
            } else if rest.starts_with("/*") {
                let start = self.cursor;
                let length =
                    rest.find("*/").ok_or_else(|| start.fault("comment not terminated"))?;
                self.cursor.advance(length + 2);
            } else {
                return Ok(());
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    digits.starts_with(|first: char| first.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests;
