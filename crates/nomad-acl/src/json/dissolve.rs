//! Objects whose members are all objects are labels; lists of objects are repeated members.
//!
//! This is what makes `{"namespace": {"ops": {"policy": "read"}}}` one item with two keys. It also
//! swallows structure: a namespace whose only member is `variables` loses it. Nomad does the same,
//! and a policy must mean the same here, so `lint` warns and nothing is repaired.

use crate::item::{Item, Key, Shape, Value};

/// Dissolves the members of an object, and then what they hold.
pub(super) fn items(members: Vec<Item>) -> Vec<Item> {
    let mut out = Vec::with_capacity(members.len());
    for member in members {
        dissolve(member.keys, member.value, &mut out);
    }
    out
}

fn dissolve(keys: Vec<Key>, value: Value, out: &mut Vec<Item>) {
    let place = value.place;
    let shape = match value.shape {
        Shape::Object(members) if are_objects(members.iter().map(|member| &member.value)) => {
            for member in members {
                let all = keys.iter().cloned().chain(member.keys).collect();
                dissolve(all, member.value, out);
            }
            return;
        }
        Shape::List(elements) if are_objects(elements.iter()) => {
            for element in elements {
                dissolve(keys.clone(), element, out);
            }
            return;
        }
        Shape::Object(members) => Shape::Object(items(members)),
        Shape::List(elements) => Shape::List(elements.into_iter().map(element).collect()),
        literal @ Shape::Literal(_) => literal,
    };
    out.push(Item { keys, value: Value { shape, place } });
}

/// An object inside a list of mixed elements is dissolved for itself.
fn element(value: Value) -> Value {
    let shape = match value.shape {
        Shape::Object(members) => Shape::Object(items(members)),
        other @ (Shape::List(_) | Shape::Literal(_)) => other,
    };
    Value { shape, place: value.place }
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
