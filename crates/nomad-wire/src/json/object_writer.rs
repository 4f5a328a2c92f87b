//! Writing an object key by key, in the order Nomad has for the type.

use std::{collections::btree_map, iter::Peekable};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::UnknownFields;

/// Where unknown keys go among the known ones.
#[derive(Clone, Copy, PartialEq)]
enum KeyOrder {
    /// All keys are sorted by byte; unknown ones are merged in.
    Sorted,
    /// Known keys come in the order of Nomad's declaration; unknown ones follow, sorted.
    Declared,
}

/// An object being written. A known key hides an unknown one of the same name.
pub(crate) struct ObjectWriter<'a, M> {
    map: M,
    order: KeyOrder,
    unknown: Peekable<btree_map::Iter<'a, String, Value>>,
    /// The last key put, to notice a type that puts its keys out of order.
    last_key: &'static str,
    /// Keys put so far; empty while there is nothing unknown they could hide.
    written_keys: Vec<&'static str>,
}

impl<'a, M: SerializeMap> ObjectWriter<'a, M> {
    /// Starts an object whose keys are sorted by byte; they must be put in that order.
    pub(crate) fn sorted<S>(to: S, unknown: &'a UnknownFields) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        Self::start(to, unknown, KeyOrder::Sorted)
    }

    /// Starts an object whose keys come in the order they are put.
    pub(crate) fn declared<S>(to: S, unknown: &'a UnknownFields) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        Self::start(to, unknown, KeyOrder::Declared)
    }

    fn start<S>(to: S, unknown: &'a UnknownFields, order: KeyOrder) -> Result<Self, S::Error>
    where
        S: Serializer<SerializeMap = M>,
    {
        let rest = unknown.0.iter().peekable();
        Ok(Self {
            map: to.serialize_map(None)?,
            order,
            unknown: rest,
            last_key: "",
            written_keys: Vec::new(),
        })
    }

    /// Writes one key, after every unknown key that sorts before it.
    pub(crate) fn write<T>(&mut self, key: &'static str, value: &T) -> Result<(), M::Error>
    where
        T: Serialize + ?Sized,
    {
        if self.order == KeyOrder::Sorted {
            debug_assert!(self.last_key < key, "{key} is out of order");
            while let Some((name, value)) = self.unknown.next_if(|(name, _)| name.as_str() < key) {
                self.write_unknown(name, value)?;
            }
        }
        self.last_key = key;
        if self.unknown.peek().is_some() {
            self.written_keys.push(key);
        }
        self.map.serialize_entry(key, value)
    }

    /// Writes one key if there is a value; an absent one leaves no trace.
    pub(crate) fn write_some<T>(
        &mut self,
        key: &'static str,
        value: Option<&T>,
    ) -> Result<(), M::Error>
    where
        T: Serialize + ?Sized,
    {
        value.map_or(Ok(()), |value| self.write(key, value))
    }

    /// Writes the unknown keys that are left and closes the object.
    pub(crate) fn end(mut self) -> Result<M::Ok, M::Error> {
        while let Some((name, value)) = self.unknown.next() {
            self.write_unknown(name, value)?;
        }
        self.map.end()
    }

    fn write_unknown(&mut self, name: &str, value: &Value) -> Result<(), M::Error> {
        if self.written_keys.contains(&name) {
            Ok(())
        } else {
            self.map.serialize_entry(name, value)
        }
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

    struct Body(KeyOrder, UnknownFields);

    impl Serialize for Body {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut keys = ObjectWriter::start(to, &self.1, self.0)?;
            if self.0 == KeyOrder::Sorted {
                keys.write("B", &1)?;
                keys.write("D", &2)?;
            } else {
                keys.write("D", &2)?;
                keys.write("B", &1)?;
            }
            keys.write_some("E", None::<&u8>)?;
            keys.end()
        }
    }

    fn wire(order: KeyOrder) -> String {
        let names = ["A", "B", "C", "E", "b"];
        let unknown =
            UnknownFields(names.into_iter().map(|name| (name.to_owned(), json!(name))).collect());
        String::from_utf8(to_json(&Body(order, unknown), Layout::Compact).unwrap()).unwrap()
    }

    #[test]
    fn sorted_objects_merge_what_they_do_not_know() {
        assert_eq!(wire(KeyOrder::Sorted), r#"{"A":"A","B":1,"C":"C","D":2,"E":"E","b":"b"}"#);
    }

    #[test]
    fn declared_objects_append_what_they_do_not_know() {
        assert_eq!(wire(KeyOrder::Declared), r#"{"D":2,"B":1,"A":"A","C":"C","E":"E","b":"b"}"#);
    }
}
