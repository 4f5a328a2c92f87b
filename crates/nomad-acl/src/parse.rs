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
    item::{Item, Key, MAX_DEPTH, Place, Shape, Value},
    lex::{Kind, Lexer, Token},
};

/// Reads a text in the HCL form.
pub(crate) fn items(text: &str) -> Result<Vec<Item>, PolicyError> {
    let mut parser = Parser::new(text)?;
    let items = parser.items()?;
    match parser.token.kind {
        Kind::End => Ok(items),
        _ => Err(parser.fault("expected to find at least one object key")),
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
        let token = lexer.next()?;
        Ok(Self { lexer, token, depth: 0 })
    }

    /// Gives the current token and moves to the next.
    fn take(&mut self) -> Result<Token, PolicyError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// Items up to something that is no key.
    fn items(&mut self) -> Result<Vec<Item>, PolicyError> {
        let mut items = Vec::new();
        while matches!(self.token.kind, Kind::Word(_) | Kind::Text(_)) {
            items.push(self.item()?);
            if self.token.kind == Kind::Comma {
                self.take()?;
            }
        }
        Ok(items)
    }

    fn item(&mut self) -> Result<Item, PolicyError> {
        let mut keys = Vec::new();
        loop {
            let place = self.token.place;
            match &self.token.kind {
                Kind::Word(text) | Kind::Text(text) => {
                    keys.push(Key { text: text.clone(), place });
                    self.take()?;
                }
                Kind::OpenBrace => return Ok(Item { keys, value: self.object()? }),
                Kind::Assign if keys.len() == 1 => {
                    self.take()?;
                    return Ok(Item { keys, value: self.value()? });
                }
                Kind::Assign => {
                    return Err(self.fault("nested object expected: LBRACE got: ASSIGN"));
                }
                _ => return Err(self.fault("expected: IDENT | STRING | ASSIGN | LBRACE")),
            }
        }
    }

    fn value(&mut self) -> Result<Value, PolicyError> {
        match self.token.kind {
            Kind::OpenBrace => self.object(),
            Kind::OpenBracket => self.list(),
            Kind::Text(_) | Kind::Other(_) => {
                let token = self.take()?;
                match token.kind {
                    Kind::Text(text) | Kind::Other(text) => {
                        Ok(Value { shape: Shape::Literal(text), place: token.place })
                    }
                    _ => Err(self.fault("unknown token")),
                }
            }
            Kind::Word(_) => Err(self.fault("a bare word is not a value; quote it")),
            _ => Err(self.fault("unknown token where a value is expected")),
        }
    }

    fn object(&mut self) -> Result<Value, PolicyError> {
        let place = self.enter()?;
        let items = self.items()?;
        if self.token.kind != Kind::CloseBrace {
            return Err(self.fault("object expected closing RBRACE"));
        }
        self.leave()?;
        Ok(Value { shape: Shape::Object(items), place })
    }

    fn list(&mut self) -> Result<Value, PolicyError> {
        let place = self.enter()?;
        let mut values = Vec::new();
        let mut separated = true;
        loop {
            match self.token.kind {
                Kind::CloseBracket => break,
                Kind::Comma => {
                    separated = true;
                    self.take()?;
                }
                _ if !separated => {
                    return Err(self.fault("error parsing list, expected comma or list end"));
                }
                _ => {
                    separated = false;
                    values.push(self.value()?);
                }
            }
        }
        self.leave()?;
        Ok(Value { shape: Shape::List(values), place })
    }

    fn enter(&mut self) -> Result<Place, PolicyError> {
        let place = self.token.place;
        if self.depth >= MAX_DEPTH {
            return Err(PolicyError::TooDeep { place, limit: MAX_DEPTH });
        }
        self.depth += 1;
        self.take()?;
        Ok(place)
    }

    fn leave(&mut self) -> Result<(), PolicyError> {
        self.depth -= 1;
        self.take().map(drop)
    }

    fn fault(&self, reason: &str) -> PolicyError {
        PolicyError::Syntax { place: self.token.place, reason: reason.to_owned() }
    }
}
