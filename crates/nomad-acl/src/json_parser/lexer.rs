//! The tokens of the JSON form.

use std::rc::Rc;

use crate::{error::PolicyError, lexer::Cursor, syntax::TextPosition};

/// One token and where it starts.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: TextPosition,
}

/// The kinds of token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    String(Rc<str>),
    /// A number or a bool, as its source text.
    Literal(Rc<str>),
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
pub(super) struct JsonLexer<'a> {
    cursor: Cursor<'a>,
}

impl<'a> JsonLexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text) }
    }

    pub(super) fn next_token(&mut self) -> Result<Token, PolicyError> {
        self.cursor.take_while(|next| matches!(next, ' ' | '\t' | '\n' | '\r'));
        let place = self.cursor.position();
        let kind = match self.cursor.peek() {
            None => TokenKind::End,
            Some('"') => TokenKind::String(self.text()?.into()),
            Some(first) if first.is_ascii_alphanumeric() || first == '-' => self.word()?,
            Some(mark) => {
                let kind = match mark {
                    ':' => TokenKind::Colon,
                    ',' => TokenKind::Comma,
                    '{' => TokenKind::OpenBrace,
                    '}' => TokenKind::CloseBrace,
                    '[' => TokenKind::OpenBracket,
                    ']' => TokenKind::CloseBracket,
                    _ => return Err(self.cursor.syntax_error("illegal character")),
                };
                self.cursor.bump();
                kind
            }
        };
        Ok(Token { kind, position: place })
    }

    fn word(&mut self) -> Result<TokenKind, PolicyError> {
        let start = self.cursor;
        let word = self
            .cursor
            .take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '+' | '.'));
        match word {
            "null" => Ok(TokenKind::Null),
            "true" | "false" => Ok(TokenKind::Literal(word.into())),
            _ if word.parse::<f64>().is_ok_and(f64::is_finite) => {
                Ok(TokenKind::Literal(word.into()))
            }
            _ => Err(start.syntax_error("illegal word")),
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
                None | Some('\n') => return Err(start.syntax_error("literal not terminated")),
                Some('"') => return Ok(String::from_utf8_lossy(&text).into_owned()),
                Some('\\') => self.escape(&mut text)?,
                Some(other) => push(&mut text, other),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), PolicyError> {
        let start = self.cursor;
        let wrong = || start.syntax_error("illegal char escape");
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
