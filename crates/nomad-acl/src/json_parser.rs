//! The JSON form of a policy → the same items.
//!
//! The reader is as lax as Nomad's, because policies written for Nomad rely on it, and because a server stores what it can
//! read: trailing commas are fine, text after the root object is ignored, and so are the members that follow a missing
//! comma. A closing brace ends the object in which it stands, wherever that is; a member that is not complete then is
//! dropped. So does the end of the text. Then objects are dissolved into labels ([`flatten`]).

mod flatten;
mod lexer;

use crate::json_parser::lexer::{JsonLexer, Token, TokenKind};
use crate::{
    error::PolicyError,
    syntax::{Item, Key, MAX_POLICY_DEPTH, Value, ValueData},
};

/// Reads a text in the JSON form.
pub(crate) fn parse_items(text: &str) -> Result<Vec<Item>, PolicyError> {
    let mut parser = Parser { lexer: JsonLexer::new(text), depth: 0 };
    let open = parser.lexer.next_token()?;
    let root = parser.object(&open)?;
    flatten::items(root, text.len())
}

#[derive(Debug)]
struct Parser<'a> {
    lexer: JsonLexer<'a>,
    depth: u32,
}

impl Parser<'_> {
    /// The members of an object whose brace was just read. Whatever stands where a comma is wanted
    /// ends the object: the closing brace does, and so does anything else.
    fn object(&mut self, open: &Token) -> Result<Vec<Item>, PolicyError> {
        self.enter(open)?;
        let mut items = Vec::new();
        loop {
            let first = self.lexer.next_token()?;
            let Some(member) = self.member(first)? else { break };
            items.push(member);
            if self.lexer.next_token()?.kind != TokenKind::Comma {
                break;
            }
        }
        self.depth -= 1;
        Ok(items)
    }

    /// A member; nothing when the object ends before the member does.
    fn member(&mut self, first: Token) -> Result<Option<Item>, PolicyError> {
        let mut keys = Vec::new();
        let mut token = first;
        loop {
            match token.kind {
                TokenKind::String(text) => keys.push(Key { text, position: token.position }),
                TokenKind::Colon if !keys.is_empty() => break,
                TokenKind::CloseBrace | TokenKind::End => return Ok(None),
                _ => return Err(syntax_error(&token, "expected a quoted member name")),
            }
            token = self.lexer.next_token()?;
        }
        let token = self.lexer.next_token()?;
        let place = token.position;
        let shape = match token.kind {
            TokenKind::String(text) | TokenKind::Literal(text) => ValueData::Literal(text),
            TokenKind::Null => ValueData::Literal("".into()),
            TokenKind::OpenBrace => ValueData::Object(self.object(&token)?),
            TokenKind::OpenBracket => match self.list(&token)? {
                Some(values) => ValueData::List(values),
                None => return Ok(None),
            },
            TokenKind::CloseBrace | TokenKind::End => return Ok(None),
            TokenKind::Colon | TokenKind::Comma | TokenKind::CloseBracket => {
                return Err(syntax_error(&token, "expected a value"));
            }
        };
        Ok(Some(Item { keys, value: Value { data: shape, position: place } }))
    }

    /// The elements of a list whose bracket was just read. Bools are passed over, and the bracket
    /// of a list inside a list is too, so that the inner list's end is the end. Nothing when the object around it ends
    /// before the list does.
    fn list(&mut self, open: &Token) -> Result<Option<Vec<Value>>, PolicyError> {
        self.enter(open)?;
        let mut values = Vec::new();
        loop {
            let token = self.lexer.next_token()?;
            let place = token.position;
            match token.kind {
                TokenKind::CloseBracket => break,
                TokenKind::CloseBrace => {
                    self.depth -= 1;
                    return Ok(None);
                }
                TokenKind::Comma | TokenKind::OpenBracket => {}
                TokenKind::Literal(text) if matches!(&*text, "true" | "false") => {}
                TokenKind::String(text) | TokenKind::Literal(text) => {
                    values.push(Value { data: ValueData::Literal(text), position: place });
                }
                TokenKind::OpenBrace => {
                    let shape = ValueData::Object(self.object(&token)?);
                    values.push(Value { data: shape, position: place });
                }
                TokenKind::Null | TokenKind::Colon | TokenKind::End => {
                    return Err(syntax_error(&token, "unexpected token while parsing list"));
                }
            }
        }
        self.depth -= 1;
        Ok(Some(values))
    }

    fn enter(&mut self, open: &Token) -> Result<(), PolicyError> {
        if self.depth >= MAX_POLICY_DEPTH {
            return Err(PolicyError::TooDeep { position: open.position, limit: MAX_POLICY_DEPTH });
        }
        self.depth += 1;
        Ok(())
    }
}

fn syntax_error(token: &Token, reason: &str) -> PolicyError {
    PolicyError::Syntax { position: token.position, reason: reason.to_owned() }
}
