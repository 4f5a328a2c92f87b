//! The members of an object whose end, and so whose grammar, the scanner has already vouched for.

use crate::scanner::find_string_end;
use crate::span::Span;

/// What a value is, told by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    String,
    Number,
    Null,
    True,
    False,
    Object,
    Array,
}

/// One `"key": value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// What stands between the quotes of the key.
    pub(crate) key: Span,
    pub(crate) kind: ValueKind,
    /// The value; of a string only what stands between its quotes.
    pub(crate) value: Span,
}

/// Walks the members of `json`, from the first byte after its `{`.
///
/// On bytes that the scanner has not vouched for it stops early instead of going astray.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    json: &'a [u8],
    at: usize,
    /// A string whose end is known, so that it need not be searched a second time.
    known_string: Span,
}

impl<'a> Members<'a> {
    pub(crate) const fn new(json: &'a [u8], known: Span) -> Self {
        Self { json, at: 1, known_string: known }
    }

    /// Moves to the next byte that is neither blank nor one of `also`, and returns it.
    fn skip_to(&mut self, also: &[u8]) -> Option<u8> {
        loop {
            let byte = *self.json.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') && !also.contains(&byte) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the string whose opening quote is the next byte.
    fn take_string(&mut self) -> Option<Span> {
        let start = self.at + 1;
        let end = if self.known_string.start() == start && !self.known_string.is_empty() {
            self.known_string.end()
        } else {
            start + find_string_end(self.json.get(start..)?, false)?
        };
        self.at = end + 1;
        Some(Span::new(start, end))
    }

    /// Takes an object or an array with all that is in it.
    fn take_nested(&mut self) -> Option<Span> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match *self.json.get(self.at)? {
                b'"' => {
                    self.take_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(Span::new(start, self.at));
            }
        }
    }

    /// Takes the value that begins with `first`, the next byte.
    fn take_value(&mut self, first: u8) -> Option<(ValueKind, Span)> {
        Some(match first {
            b'"' => (ValueKind::String, self.take_string()?),
            b'{' => (ValueKind::Object, self.take_nested()?),
            b'[' => (ValueKind::Array, self.take_nested()?),
            b'n' => (ValueKind::Null, self.take_bare()?),
            b't' => (ValueKind::True, self.take_bare()?),
            b'f' => (ValueKind::False, self.take_bare()?),
            _ => (ValueKind::Number, self.take_bare()?),
        })
    }

    /// Takes a number or a word.
    fn take_bare(&mut self) -> Option<Span> {
        let start = self.at;
        let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.json.get(start..)?.iter().position(ends)?;
        Some(Span::new(start, self.at))
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        if self.skip_to(b",")? != b'"' {
            return None;
        }
        let key = self.take_string()?;
        let first = self.skip_to(b":")?;
        let (kind, value) = self.take_value(first)?;
        Some(Member { key, kind, value })
    }
}

/// Walks the elements of an array, `json` from its `[` on, with the same trust.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a>(Members<'a>);

impl<'a> Elements<'a> {
    pub(crate) const fn new(json: &'a [u8]) -> Self {
        Self(Members::new(json, Span::new(0, 0)))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (ValueKind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.0.skip_to(b",")?;
        if first == b']' {
            return None;
        }
        let (kind, value) = self.0.take_value(first)?;
        Some((kind, &self.0.json[value.range()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_with_their_kinds() {
        let json = br#"{ "a" : "x\"y" ,"b":[1,"]",{}], "c":{"d":"}"},"e":-1e5,"f":null,"g":true,"h":false}"#;
        let seen: Vec<_> = Members::new(json, Span::default())
            .map(|m| {
                let text = |span: Span| std::str::from_utf8(&json[span.range()]).unwrap();
                (text(m.key), m.kind, text(m.value))
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("a", ValueKind::String, r#"x\"y"#),
                ("b", ValueKind::Array, r#"[1,"]",{}]"#),
                ("c", ValueKind::Object, r#"{"d":"}"}"#),
                ("e", ValueKind::Number, "-1e5"),
                ("f", ValueKind::Null, "null"),
                ("g", ValueKind::True, "true"),
                ("h", ValueKind::False, "false"),
            ]
        );
    }

    #[test]
    fn elements_come_in_order() {
        let seen: Vec<_> = Elements::new(br#"[ 1, "a]" ,{"b":[2]},[],null ]"#).collect();
        assert_eq!(
            seen,
            [
                (ValueKind::Number, &b"1"[..]),
                (ValueKind::String, b"a]"),
                (ValueKind::Object, br#"{"b":[2]}"#),
                (ValueKind::Array, b"[]"),
                (ValueKind::Null, b"null"),
            ]
        );
        assert_eq!(Elements::new(b"[]").count(), 0);
    }

    #[test]
    fn a_known_string_is_not_searched() {
        // The end is wrong on purpose: that it is believed shows that nobody looked.
        let json = br#"{"a":"bcd"}"#;
        let member = Members::new(json, Span::new(6, 8)).next().unwrap();
        assert_eq!(&json[member.value.range()], b"bc");
    }

    #[test]
    fn unvouched_bytes_end_the_walk() {
        for json in [&b"{"[..], b"{\"a", b"{\"a\":", b"{\"a\":[", b"{\"a\":\"", b"{\"a\":1", b"{5}"]
        {
            assert_eq!(Members::new(json, Span::default()).next(), None);
        }
    }
}
