//! The fields of a span, which every line inside it shows.

use std::fmt;

use tracing::field::{Field, Visit};

/// Bytes of values stored without an allocation: a request id, a trace id, an agent's name. A span is opened for
/// every request, and most requests log nothing.
const INLINE_BYTES: usize = 160;

/// Fields stored without an allocation.
const FIELDS: usize = 6;

/// The fields of one span.
#[derive(Debug)]
pub(super) struct SpanFields {
    bytes: [u8; INLINE_BYTES],
    /// Each with the end of its value; a value starts where the previous one ends.
    fields: [(&'static str, usize); FIELDS],
    count: usize,
    /// Fields that did not fit inline.
    more: Vec<(&'static str, String)>,
}

impl Default for SpanFields {
    fn default() -> Self {
        Self { bytes: [0; INLINE_BYTES], fields: [("", 0); FIELDS], count: 0, more: Vec::new() }
    }
}

impl SpanFields {
    /// Every field once, with the value that was recorded last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = || self.recorded().enumerate();
        all().filter_map(move |(at, (name, value))| {
            let is_last = !all().any(|(later, (other, _))| later > at && other == name);
            is_last.then_some((name, value))
        })
    }

    fn recorded(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let mut begin = 0;
        let inline = self.fields.iter().take(self.count).map(move |(name, end)| {
            let value = self.bytes.get(begin..*end).unwrap_or_default();
            begin = *end;
            // Only whole strings were copied.
            (*name, std::str::from_utf8(value).unwrap_or_default())
        });
        inline.chain(self.more.iter().map(|(name, value)| (*name, value.as_str())))
    }

    fn push(&mut self, name: &'static str, value: &str) {
        let begin = self.count.checked_sub(1).map_or(0, |last| self.fields[last].1);
        let end = begin + value.len();
        // Later values must come after earlier ones.
        if let Some(room) = self.bytes.get_mut(begin..end).filter(|_| self.more.is_empty())
            && let Some(field) = self.fields.get_mut(self.count)
        {
            room.copy_from_slice(value.as_bytes());
            *field = (name, end);
            self.count += 1;
        } else {
            self.more.push((name, value.to_owned()));
        }
    }
}

impl Visit for SpanFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &SpanFields) -> Vec<(&'static str, &str)> {
        fields.iter().collect()
    }

    #[test]
    fn the_last_value_of_a_field_counts() {
        let mut fields = SpanFields::default();
        assert!(shown(&fields).is_empty());
        for (name, value) in [("id", "1"), ("agent", "one"), ("empty", ""), ("agent", "two")] {
            fields.push(name, value);
        }
        assert_eq!(shown(&fields), [("id", "1"), ("empty", ""), ("agent", "two")]);
    }

    #[test]
    fn any_number_of_fields_of_any_length_is_kept() {
        let long = "x".repeat(2 * INLINE_BYTES);
        let mut fields = SpanFields::default();
        for (name, value) in [("a", "1"), ("long", &*long), ("b", "2")] {
            fields.push(name, value);
        }
        assert_eq!(shown(&fields), [("a", "1"), ("long", &*long), ("b", "2")]);
        let mut fields = SpanFields::default();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "a"];
        for name in names {
            fields.push(name, name);
        }
        assert_eq!(shown(&fields).len(), names.len() - 1);
        fields.push("h", "later");
        assert_eq!(shown(&fields).last(), Some(&("h", "later")));
    }
}
