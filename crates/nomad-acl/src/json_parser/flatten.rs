//! Objects whose members are all objects are labels; lists of objects are repeated members.
//!
//! This is what makes `{"namespace": {"ops": {"policy": "read"}}}` one item with two keys. It also
//! swallows structure: a namespace whose only member is `variables` loses it. Nomad does the same,
//! and a policy must mean the same here, so nothing is repaired.

use crate::{
    error::PolicyError,
    syntax::{Item, Key, Value, ValueData},
};

/// How many bytes of keys a byte of text may become. A key is repeated for every member below it, so
/// one long key above many members would grow with the square of the text. Policies that people
/// write stay below 2.
const MAX_GROWTH: usize = 16;

/// What a short text may become in any case.
const MIN_LIMIT: usize = 4 * 1024;

/// Dissolves the members of an object, and then what they hold. `length` is the text's, in bytes.
pub(super) fn items(members: Vec<Item>, length: usize) -> Result<Vec<Item>, PolicyError> {
    let limit = length * MAX_GROWTH + MIN_LIMIT;
    Flattener { limit, remaining: limit }.items(members)
}

/// How many bytes of keys may still be repeated.
struct Flattener {
    limit: usize,
    remaining: usize,
}

impl Flattener {
    fn items(&mut self, members: Vec<Item>) -> Result<Vec<Item>, PolicyError> {
        let mut out = Vec::with_capacity(members.len());
        for member in members {
            self.flatten(member.keys, member.value, &mut out)?;
        }
        Ok(out)
    }

    fn flatten(
        &mut self,
        keys: Vec<Key>,
        value: Value,
        out: &mut Vec<Item>,
    ) -> Result<(), PolicyError> {
        let place = value.position;
        let shape = match value.data {
            ValueData::Object(members)
                if are_objects(members.iter().map(|member| &member.value)) =>
            {
                for member in members {
                    let mut all = self.repeat_keys(&keys)?;
                    all.extend(member.keys);
                    self.flatten(all, member.value, out)?;
                }
                return Ok(());
            }
            ValueData::List(elements) if are_objects(elements.iter()) => {
                for element in elements {
                    let all = self.repeat_keys(&keys)?;
                    self.flatten(all, element, out)?;
                }
                return Ok(());
            }
            ValueData::Object(members) => ValueData::Object(self.items(members)?),
            ValueData::List(elements) => ValueData::List(
                elements.into_iter().map(|value| self.element(value)).collect::<Result<_, _>>()?,
            ),
            literal @ ValueData::Literal(_) => literal,
        };
        out.push(Item { keys, value: Value { data: shape, position: place } });
        Ok(())
    }

    /// An object inside a list of mixed elements is dissolved for itself.
    fn element(&mut self, value: Value) -> Result<Value, PolicyError> {
        let shape = match value.data {
            ValueData::Object(members) => ValueData::Object(self.items(members)?),
            other @ (ValueData::List(_) | ValueData::Literal(_)) => other,
        };
        Ok(Value { data: shape, position: value.position })
    }

    /// The keys once more, if there is room for them.
    fn repeat_keys(&mut self, keys: &[Key]) -> Result<Vec<Key>, PolicyError> {
        let length = keys.iter().map(|key| key.text.len() + 1).sum();
        let Some(left) = self.remaining.checked_sub(length) else {
            let place = keys.first().map(|key| key.position).unwrap_or_default();
            return Err(PolicyError::TooWide { position: place, limit: self.limit });
        };
        self.remaining = left;
        Ok(keys.to_vec())
    }
}

/// Whether there is something, and all of it is an object.
fn are_objects<'a>(values: impl Iterator<Item = &'a Value>) -> bool {
    let mut any = false;
    for value in values {
        if !matches!(value.data, ValueData::Object(_)) {
            return false;
        }
        any = true;
    }
    any
}
