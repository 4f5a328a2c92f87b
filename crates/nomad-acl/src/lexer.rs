//! Policy text → tokens with positions, for the HCL form.
//!
//! This is HCL 1, not HCL 2: no newline is ever required, keys may be quoted, a comma may follow
//! any item, and `${…}` is plain text inside which quotes do not end the string.

mod cursor;
mod string;

use std::rc::Rc;

use crate::{error::PolicyError, syntax::TextPosition};

pub(crate) use self::cursor::Cursor;

/// One token and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) position: TextPosition,
}

/// The kinds of token; comments and white space are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A bare word: starts with a letter or `_`.
    Word(Rc<str>),
    /// A quoted string, escapes undone.
    String(Rc<str>),
    /// A heredoc, a number or a bool, as the value it has where a string is wanted.
    Literal(Rc<str>),
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
    pub(crate) fn next_token(&mut self) -> Result<Token, PolicyError> {
        self.skip_blank()?;
        let place = self.cursor.position();
        let kind = match self.cursor.peek() {
            None => TokenKind::End,
            Some(first) if first == '_' || first.is_alphabetic() => self.word(),
            Some(first) if first == '-' || first.is_ascii_digit() => self.number()?,
            Some('"') => TokenKind::String(string::quoted(&mut self.cursor)?.into()),
            Some('<') => TokenKind::Literal(string::heredoc(&mut self.cursor)?.into()),
            Some(_) => self.punctuation()?,
        };
        Ok(Token { kind, position: place })
    }

    fn punctuation(&mut self) -> Result<TokenKind, PolicyError> {
        let kind = match self.cursor.peek() {
            Some('=') => TokenKind::Assign,
            Some(',') => TokenKind::Comma,
            Some('{') => TokenKind::OpenBrace,
            Some('}') => TokenKind::CloseBrace,
            Some('[') => TokenKind::OpenBracket,
            Some(']') => TokenKind::CloseBracket,
            _ => return Err(self.cursor.syntax_error("illegal character")),
        };
        self.cursor.bump();
        Ok(kind)
    }

    /// A word goes on with letters, digits, `-`, `.` and `_`; `true` and `false` are values.
    fn word(&mut self) -> TokenKind {
        let word = self
            .cursor
            .take_while(|next| next.is_alphanumeric() || matches!(next, '-' | '.' | '_'));
        if matches!(word, "true" | "false") {
            TokenKind::Literal(word.into())
        } else {
            TokenKind::Word(word.into())
        }
    }

    /// A number keeps its source text; whether it is well formed is all that is asked of it.
    fn number(&mut self) -> Result<TokenKind, PolicyError> {
        let start = self.cursor;
        let text = self
            .cursor
            .take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '+'));
        if is_number(text) {
            Ok(TokenKind::Literal(text.into()))
        } else {
            Err(start.syntax_error("illegal number"))
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
                    rest.find("*/").ok_or_else(|| start.syntax_error("comment not terminated"))?;
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
