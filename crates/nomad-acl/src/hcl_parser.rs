//! Tokens → items, for the HCL form.
//!
//! ```text
//! file  = item*                       item = key+ ( '=' value | object ) ','?
//! value = text | number | bool | heredoc | list | object
//! list  = '[' ( value | ',' )* ']'    object = '{' item* '}'
//! ```
//!
//! An item with `=` has exactly one key. The elements of a list are separated by commas, of which
//! any number may follow one another.

use crate::{
    error::PolicyError,
    lexer::{Lexer, Token, TokenKind},
    syntax::{Item, Key, MAX_POLICY_DEPTH, TextPosition, Value, ValueData},
};

/// Reads a text in the HCL form.
pub(crate) fn parse_items(text: &str) -> Result<Vec<Item>, PolicyError> {
    let mut parser = Parser::new(text)?;
    let items = parser.items()?;
    match parser.token.kind {
        TokenKind::End => Ok(items),
        _ => Err(parser.syntax_error("expected to find at least one object key")),
    }
}

/// One token ahead of the lexer, and how deep we are.
#[derive(Debug)]
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, PolicyError> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_token()?;
        Ok(Self { lexer, token, depth: 0 })
    }

    /// Gives the current token and moves to the next.
    fn take_token(&mut self) -> Result<Token, PolicyError> {
        let next = self.lexer.next_token()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// Items up to something that is no key.
    fn items(&mut self) -> Result<Vec<Item>, PolicyError> {
        let mut items = Vec::new();
        while matches!(self.token.kind, TokenKind::Word(_) | TokenKind::String(_)) {
            items.push(self.item()?);
            if self.token.kind == TokenKind::Comma {
                self.take_token()?;
            }
        }
        Ok(items)
    }

    fn item(&mut self) -> Result<Item, PolicyError> {
        let mut keys = Vec::new();
        loop {
            let place = self.token.position;
            match &self.token.kind {
                TokenKind::Word(text) | TokenKind::String(text) => {
                    keys.push(Key { text: text.clone(), position: place });
                    self.take_token()?;
                }
                TokenKind::OpenBrace => return Ok(Item { keys, value: self.object()? }),
                TokenKind::Assign if keys.len() == 1 => {
                    self.take_token()?;
                    return Ok(Item { keys, value: self.value()? });
                }
                TokenKind::Assign => {
                    return Err(self.syntax_error("nested object expected: LBRACE got: ASSIGN"));
                }
                _ => return Err(self.syntax_error("expected: IDENT | STRING | ASSIGN | LBRACE")),
            }
        }
    }

    fn value(&mut self) -> Result<Value, PolicyError> {
        match self.token.kind {
            TokenKind::OpenBrace => self.object(),
            TokenKind::OpenBracket => self.list(),
            TokenKind::String(_) | TokenKind::Literal(_) => {
                let token = self.take_token()?;
                match token.kind {
                    TokenKind::String(text) | TokenKind::Literal(text) => {
                        Ok(Value { data: ValueData::Literal(text), position: token.position })
                    }
                    _ => Err(self.syntax_error("unknown token")),
                }
            }
            TokenKind::Word(_) => Err(self.syntax_error("a bare word is not a value; quote it")),
            _ => Err(self.syntax_error("unknown token where a value is expected")),
        }
    }

    fn object(&mut self) -> Result<Value, PolicyError> {
        let place = self.enter()?;
        let items = self.items()?;
        if self.token.kind != TokenKind::CloseBrace {
            return Err(self.syntax_error("object expected closing RBRACE"));
        }
        self.leave()?;
        Ok(Value { data: ValueData::Object(items), position: place })
    }

    fn list(&mut self) -> Result<Value, PolicyError> {
        let place = self.enter()?;
        let mut values = Vec::new();
        let mut separated = true;
        loop {
            match self.token.kind {
                TokenKind::CloseBracket => break,
                TokenKind::Comma => {
                    separated = true;
                    self.take_token()?;
                }
                _ if !separated => {
                    return Err(self.syntax_error("error parsing list, expected comma or list end"));
                }
                _ => {
                    separated = false;
                    values.push(self.value()?);
                }
            }
        }
        self.leave()?;
        Ok(Value { data: ValueData::List(values), position: place })
    }

    fn enter(&mut self) -> Result<TextPosition, PolicyError> {
        let place = self.token.position;
        if self.depth >= MAX_POLICY_DEPTH {
            return Err(PolicyError::TooDeep { position: place, limit: MAX_POLICY_DEPTH });
        }
        self.depth += 1;
        self.take_token()?;
        Ok(place)
    }

    fn leave(&mut self) -> Result<(), PolicyError> {
        self.depth -= 1;
        self.take_token().map(drop)
    }

    fn syntax_error(&self, reason: &str) -> PolicyError {
        PolicyError::Syntax { position: self.token.position, reason: reason.to_owned() }
    }
}
