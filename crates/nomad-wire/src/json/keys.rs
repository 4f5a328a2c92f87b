//! Writing an object key by key, in the order Nomad has for the type.

use std::{collections::btree_map, iter::Peekable};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::Unknown;

/// Where unknown keys go among the known ones.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// All keys are sorted by byte; unknown ones are merged in.
    Sorted,
    /// Known keys come in the order of Nomad's declaration; unknown ones follow, sorted.
    Declared,
}

/// An object being written. A known key hides an unknown one of the same name.
pub(crate) struct Keys<'a, M> {
    map: M,
    order: Order,
    rest: Peekable<btree_map::Iter<'a, String, Value>>,
    /// The last key put, to notice a type that puts its keys out of order.
    last: &'static str,
    /// Keys put so far; empty while there is nothing unknown they could hide.
    put: Vec<&'static str>,
}

impl<'a, M: SerializeMap> Keys<'a, M> {
    /// Starts an object whose keys are sorted by byte; they must be put in that order.
    pub(crate) fn sorted<S>(to: S, unknown: &'a Unknown) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        Self::start(to, unknown, Order::Sorted)
    }

    /// Starts an object whose keys come in the order they are put.
    pub(crate) fn declared<S>(to: S, unknown: &'a Unknown) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        Self::start(to, unknown, Order::Declared)
    }

    fn start<S>(to: S, unknown: &'a Unknown, order: Order) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        let rest = unknown.0.iter().peekable();
        Ok(Self { map: to.serialize_map(None)?, order, rest, last: "", put: Vec::new() })
    }

    /// Writes one key, after every unknown key that sorts before it.
    pub(crate) fn put<T>(&mut self, key: &'static str, value: &T) -> Result<(), M::Error>
    where
        T: Serialize + ?Sized,
    {
        if self.order == Order::Sorted {
            debug_assert!(self.last < key, "{key} is out of order");
            while let Some((name, value)) = self.rest.next_if(|(name, _)| name.as_str() < key) {
                self.emit(name, value)?;
            }
        }
        self.last = key;
        if self.rest.peek().is_some() {
            self.put.push(key);
        }
        self.map.serialize_entry(key, value)
    }

    /// Writes one key if there is a value; an absent one leaves no trace.
    pub(crate) fn put_some<T>(
        &mut self,
        key: &'static str,
        value: Option<&T>,
    ) -> Result<(), M::Error>
    where
        T: Serialize + ?Sized,
    {
        value.map_or(Ok(()), |value| self.put(key, value))
    }

    /// Writes the unknown keys that are left and closes the object.
    pub(crate) fn end(mut self) -> Result<M::Ok, M::Error> {
        while let Some((name, value)) = self.rest.next() {
            self.emit(name, value)?;
        }
        self.map.end()
    }

    fn emit(&mut self, name: &str, value: &Value) -> Result<(), M::Error> {
        if self.put.contains(&name) { Ok(()) } else { self.map.serialize_entry(name, value) }
    }
}

/// Reads `null` as the empty value: Go prints a nil slice or map so, and older agents do it in
/// places where newer ones print `[]` or `{}`.
pub(crate) fn null_is_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::{Layout, to_json};

    struct Body(Order, Unknown);

    impl Serialize for Body {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut keys = Keys::start(to, &self.1, self.0)?;
            if self.0 == Order::Sorted {
                keys.put("B", &1)?;
                keys.put("D", &2)?;
            } else {
                keys.put("D", &2)?;
                keys.put("B", &1)?;
            }
            keys.put_some("E", None::<&u8>)?;
            keys.end()
        }
    }

    fn wire(order: Order) -> String {
        let names = ["A", "B", "C", "E", "b"];
        let unknown =
            Unknown(names.into_iter().map(|name| (name.to_owned(), json!(name))).collect());
        String::from_utf8(to_json(&Body(order, unknown), Layout::Compact).unwrap()).unwrap()
    }

    #[test]
    fn sorted_objects_merge_what_they_do_not_know() {
        assert_eq!(wire(Order::Sorted), r#"{"A":"A","B":1,"C":"C","D":2,"E":"E","b":"b"}"#);
    }

    #[test]
    fn declared_objects_append_what_they_do_not_know() {
        assert_eq!(wire(Order::Declared), r#"{"D":2,"B":1,"A":"A","C":"C","E":"E","b":"b"}"#);
    }
}
