//! The tokens of the JSON form.

use std::rc::Rc;

use crate::{error::PolicyError, item::Place, lex::Cursor};

/// One token and where it starts.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) place: Place,
}

/// The kinds of token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text(Rc<str>),
    /// A number or a bool, as its source text.
    Other(Rc<str>),
    Null,
    Colon,
    Comma,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    End,
}

/// The tokens of one text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text) }
    }

    pub(super) fn next(&mut self) -> Result<Token, PolicyError> {
        self.cursor.take_while(|next| matches!(next, ' ' | '\t' | '\n' | '\r'));
        let place = self.cursor.place();
        let kind = match self.cursor.peek() {
            None => Kind::End,
            Some('"') => Kind::Text(self.text()?.into()),
            Some(first) if first.is_ascii_alphanumeric() || first == '-' => self.word()?,
            Some(mark) => {
                let kind = match mark {
                    ':' => Kind::Colon,
                    ',' => Kind::Comma,
                    '{' => Kind::OpenBrace,
                    '}' => Kind::CloseBrace,
                    '[' => Kind::OpenBracket,
                    ']' => Kind::CloseBracket,
                    _ => return Err(self.cursor.fault("illegal character")),
                };
                self.cursor.bump();
                kind
            }
        };
        Ok(Token { kind, place })
    }

    fn word(&mut self) -> Result<Kind, PolicyError> {
        let start = self.cursor;
        let word = self
            .cursor
            .take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '+' | '.'));
        match word {
            "null" => Ok(Kind::Null),
            "true" | "false" => Ok(Kind::Other(word.into())),
            _ if word.parse::<f64>().is_ok_and(f64::is_finite) => Ok(Kind::Other(word.into())),
            _ => Err(start.fault("illegal word")),
        }
    }

    fn text(&mut self) -> Result<String, PolicyError> {
        let start = self.cursor;
        self.cursor.bump();
        let mut text = String::new();
        loop {
            match self.cursor.bump() {
                None | Some('\n') => return Err(start.fault("literal not terminated")),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(other) => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, PolicyError> {
        let start = self.cursor;
        let wrong = || start.fault("illegal char escape");
        match self.cursor.bump().ok_or_else(wrong)? {
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            same @ ('"' | '\\' | '/') => Ok(same),
            'u' => self.coded().ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// Four digits, or two times four for a character beyond the first plane; half a pair reads as
    /// the replacement character.
    fn coded(&mut self) -> Option<char> {
        let first = self.four()?;
        if !(0xD800..0xDC00).contains(&first) || !self.cursor.rest().starts_with("\\u") {
            return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.cursor.advance(2);
        let second = self.four()?;
        let pair = second
            .checked_sub(0xDC00)
            .filter(|low| *low < 0x400)
            .and_then(|low| char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low));
        Some(pair.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + self.cursor.peek()?.to_digit(16)?;
            self.cursor.bump();
        }
        Some(code)
    }
}
