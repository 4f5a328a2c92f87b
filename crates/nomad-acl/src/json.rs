//! The JSON form of a policy → the same items.
//!
//! The reader is as lax as Nomad's, because policies written for Nomad rely on it, and because a server stores what it can
//! read: trailing commas are fine, text after the root object is ignored, and so are the members that follow a missing
//! comma. A closing brace ends the object in which it stands, wherever that is; a member that is not complete then is
//! dropped. So does the end of the text. Then objects are dissolved into labels ([`dissolve`]).

mod dissolve;
mod token;

use self::token::{Kind, Reader, Token};
use crate::{
    error::PolicyError,
    item::{Item, Key, MAX_DEPTH, Shape, Value},
};

/// Reads a text in the JSON form.
pub(crate) fn items(text: &str) -> Result<Vec<Item>, PolicyError> {
    let mut parser = Parser { reader: Reader::new(text), depth: 0 };
    let open = parser.reader.next()?;
    let root = parser.object(&open)?;
    dissolve::items(root, text.len())
}

#[derive(Debug)]
struct Parser<'a> {
    reader: Reader<'a>,
    depth: u32,
}

impl Parser<'_> {
    /// The members of an object whose brace was just read. Whatever stands where a comma is wanted
    /// ends the object: the closing brace does, and so does anything else.
    fn object(&mut self, open: &Token) -> Result<Vec<Item>, PolicyError> {
        self.enter(open)?;
        let mut items = Vec::new();
        loop {
            let first = self.reader.next()?;
            let Some(member) = self.member(first)? else { break };
            items.push(member);
            if self.reader.next()?.kind != Kind::Comma {
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
                Kind::Text(text) => keys.push(Key { text, place: token.place }),
                Kind::Colon if !keys.is_empty() => break,
                Kind::CloseBrace | Kind::End => return Ok(None),
                _ => return Err(fault(&token, "expected a quoted member name")),
            }
            token = self.reader.next()?;
        }
        let token = self.reader.next()?;
        let place = token.place;
        let shape = match token.kind {
            Kind::Text(text) | Kind::Other(text) => Shape::Literal(text),
            Kind::Null => Shape::Literal("".into()),
            Kind::OpenBrace => Shape::Object(self.object(&token)?),
            Kind::OpenBracket => match self.list(&token)? {
                Some(values) => Shape::List(values),
                None => return Ok(None),
            },
            Kind::CloseBrace | Kind::End => return Ok(None),
            Kind::Colon | Kind::Comma | Kind::CloseBracket => {
                return Err(fault(&token, "expected a value"));
            }
        };
        Ok(Some(Item { keys, value: Value { shape, place } }))
    }

    /// The elements of a list whose bracket was just read. Bools are passed over, and the bracket
    /// of a list inside a list is too, so that the inner list's end is the end. Nothing when the object around it ends
    /// before the list does.
    fn list(&mut self, open: &Token) -> Result<Option<Vec<Value>>, PolicyError> {
        self.enter(open)?;
        let mut values = Vec::new();
        loop {
            let token = self.reader.next()?;
            let place = token.place;
            match token.kind {
                Kind::CloseBracket => break,
                Kind::CloseBrace => {
                    self.depth -= 1;
                    return Ok(None);
                }
                Kind::Comma | Kind::OpenBracket => {}
                Kind::Other(text) if matches!(&*text, "true" | "false") => {}
                Kind::Text(text) | Kind::Other(text) => {
                    values.push(Value { shape: Shape::Literal(text), place });
                }
                Kind::OpenBrace => {
                    let shape = Shape::Object(self.object(&token)?);
                    values.push(Value { shape, place });
                }
                Kind::Null | Kind::Colon | Kind::End => {
                    return Err(fault(&token, "unexpected token while parsing list"));
                }
            }
        }
        self.depth -= 1;
        Ok(Some(values))
    }

    fn enter(&mut self, open: &Token) -> Result<(), PolicyError> {
        if self.depth >= MAX_DEPTH {
            return Err(PolicyError::TooDeep { place: open.place, limit: MAX_DEPTH });
        }
        self.depth += 1;
        Ok(())
    }
}

fn fault(token: &Token, reason: &str) -> PolicyError {
    PolicyError::Syntax { place: token.place, reason: reason.to_owned() }
}
