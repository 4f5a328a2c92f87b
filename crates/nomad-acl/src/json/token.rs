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

    /// A text. Go's own escapes are read, which are not quite JSON's: `\a`, `\v`, bytes as `\x41` and `\101`, and no `\/`.
    fn text(&mut self) -> Result<String, PolicyError> {
        let start = self.cursor;
        self.cursor.bump();
        // An escape may be one byte of a character.
        let mut text = Vec::new();
        loop {
            match self.cursor.bump() {
                None | Some('\n') => return Err(start.fault("literal not terminated")),
                Some('"') => return Ok(String::from_utf8_lossy(&text).into_owned()),
                Some('\\') => self.escape(&mut text)?,
                Some(other) => push(&mut text, other),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), PolicyError> {
        let start = self.cursor;
        let wrong = || start.fault("illegal char escape");
        let byte = match self.cursor.bump().ok_or_else(wrong)? {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '"' => b'"',
            '\\' => b'\\',
            first @ '0'..='7' => {
                let first = first.to_digit(8).ok_or_else(wrong)?;
                let code = self.digits(first, 8, 2).ok_or_else(wrong)?;
                u8::try_from(code).map_err(|_| wrong())?
            }
            'x' => {
                let code = self.digits(0, 16, 2).ok_or_else(wrong)?;
                u8::try_from(code).map_err(|_| wrong())?
            }
            // Half of a pair is no character to Go, and so a pair is none either.
            'u' => {
                let code = self.digits(0, 16, 4).and_then(char::from_u32);
                push(text, code.ok_or_else(wrong)?);
                return Ok(());
            }
            'U' => {
                let code = self.digits(0, 16, 8).and_then(char::from_u32);
                push(text, code.ok_or_else(wrong)?);
                return Ok(());
            }
            _ => return Err(wrong()),
        };
        text.push(byte);
        Ok(())
    }

    /// So many digits more.
    fn digits(&mut self, first: u32, base: u32, count: u32) -> Option<u32> {
        let mut code = first;
        for _ in 0..count {
            let digit = self.cursor.peek()?.to_digit(base)?;
            code = code.checked_mul(base)?.checked_add(digit)?;
            self.cursor.bump();
        }
        Some(code)
    }
}

fn push(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
