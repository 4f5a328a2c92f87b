//! Objects whose members are all objects are labels; lists of objects are repeated members.
//!
//! This is what makes `{"namespace": {"ops": {"policy": "read"}}}` one item with two keys. It also
//! swallows structure: a namespace whose only member is `variables` loses it. Nomad does the same,
//! and a policy must mean the same here, so nothing is repaired.

use crate::{
    error::PolicyError,
    item::{Item, Key, Shape, Value},
};

/// How many bytes of keys a byte of text may become. A key is repeated for every member below it, so
/// one long key above many members would grow with the square of the text. Policies that people
/// write stay below 2.
const GROWTH: usize = 16;

/// What a short text may become in any case.
const FLOOR: usize = 4 * 1024;

/// Dissolves the members of an object, and then what they hold. `length` is the text's, in bytes.
pub(super) fn items(members: Vec<Item>, length: usize) -> Result<Vec<Item>, PolicyError> {
    let limit = length * GROWTH + FLOOR;
    Dissolver { limit, left: limit }.items(members)
}

/// How many bytes of keys may still be repeated.
struct Dissolver {
    limit: usize,
    left: usize,
}

impl Dissolver {
    fn items(&mut self, members: Vec<Item>) -> Result<Vec<Item>, PolicyError> {
        let mut out = Vec::with_capacity(members.len());
        for member in members {
            self.dissolve(member.keys, member.value, &mut out)?;
        }
        Ok(out)
    }

    fn dissolve(
        &mut self,
        keys: Vec<Key>,
        value: Value,
        out: &mut Vec<Item>,
    ) -> Result<(), PolicyError> {
        let place = value.place;
        let shape = match value.shape {
            Shape::Object(members) if are_objects(members.iter().map(|member| &member.value)) => {
                for member in members {
                    let mut all = self.repeat(&keys)?;
                    all.extend(member.keys);
                    self.dissolve(all, member.value, out)?;
                }
                return Ok(());
            }
            Shape::List(elements) if are_objects(elements.iter()) => {
                for element in elements {
                    let all = self.repeat(&keys)?;
                    self.dissolve(all, element, out)?;
                }
                return Ok(());
            }
            Shape::Object(members) => Shape::Object(self.items(members)?),
            Shape::List(elements) => Shape::List(
                elements.into_iter().map(|value| self.element(value)).collect::<Result<_, _>>()?,
            ),
            literal @ Shape::Literal(_) => literal,
        };
        out.push(Item { keys, value: Value { shape, place } });
        Ok(())
    }

    /// An object inside a list of mixed elements is dissolved for itself.
    fn element(&mut self, value: Value) -> Result<Value, PolicyError> {
        let shape = match value.shape {
            Shape::Object(members) => Shape::Object(self.items(members)?),
            other @ (Shape::List(_) | Shape::Literal(_)) => other,
        };
        Ok(Value { shape, place: value.place })
    }

    /// The keys once more, if there is room for them.
    fn repeat(&mut self, keys: &[Key]) -> Result<Vec<Key>, PolicyError> {
        let length = keys.iter().map(|key| key.text.len() + 1).sum();
        let Some(left) = self.left.checked_sub(length) else {
            let place = keys.first().map(|key| key.place).unwrap_or_default();
            return Err(PolicyError::TooWide { place, limit: self.limit });
        };
        self.left = left;
        Ok(keys.to_vec())
    }
}

/// Whether there is something, and all of it is an object.
fn are_objects<'a>(values: impl Iterator<Item = &'a Value>) -> bool {
    let mut any = false;
    for value in values {
        if !matches!(value.shape, Shape::Object(_)) {
            return false;
        }
        any = true;
    }
    any
}
