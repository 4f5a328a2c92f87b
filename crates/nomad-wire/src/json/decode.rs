//! Reading a request body as Go reads it.
//!
//! Go's decoder takes the first JSON value and leaves the rest alone, finds fields without regard to case, lets the
//! last of several count, ignores fields it does not know, and reads `null` as "leave it as it is". Its sentences are
//! kept where a caller can see them; what is wrong deep inside of a value is told in the words of this crate's parser.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, error::Category};
use thiserror::Error;

/// Why a request body cannot be read, in the words of Go's `encoding/json`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is no value at all.
    #[error("EOF")]
    Empty,
    /// The value has no end.
    #[error("unexpected EOF")]
    Cut,
    /// It is no JSON.
    #[error("{0}")]
    Syntax(Box<str>),
    /// A field, or the whole, is of another type than it should be.
    #[error("json: cannot unmarshal {found} into Go {place} of type {wanted}")]
    Type {
        /// What stands there: `string`, `number`, `bool`, `array` or `object`.
        found: &'static str,
        /// `struct field X.Y`, or `value` for the whole.
        place: Box<str>,
        /// What should stand there.
        wanted: &'static str,
    },
}

/// Why there is nothing to be read from the body of a call that must have one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It has no body.
    #[error("Request body is empty")]
    Missing,
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// A JSON object whose fields are asked for by name.
#[derive(Debug)]
pub(crate) struct Object {
    /// The name of Go's type, which stands in its sentences; empty for one without a name.
    go_type: &'static str,
    fields: Vec<(String, Value)>,
}

impl Object {
    /// Reads the first value of `body`.
    pub(crate) fn parse(body: &[u8], go_type: &'static str) -> Result<Self, DecodeError> {
        let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Whole>();
        match values.next() {
            None => Err(DecodeError::Empty),
            Some(Err(error)) => Err(refused(body, &error)),
            Some(Ok(Whole::Null)) => Ok(Self { go_type, fields: Vec::new() }),
            Some(Ok(Whole::Object(fields))) => Ok(Self { go_type, fields }),
            Some(Ok(Whole::Other(found))) => {
                Err(DecodeError::Type { found, place: "value".into(), wanted: "struct" })
            }
        }
    }

    /// The same for a call that must have a body.
    pub(crate) fn required(body: &[u8], go_type: &'static str) -> Result<Self, BodyError> {
        if body.is_empty() { Err(BodyError::Missing) } else { Ok(Self::parse(body, go_type)?) }
    }

    /// A field that is text; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> Result<String, DecodeError> {
        self.last(name, |value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.mismatch(name, other, "string")),
        })
    }

    /// A field that is true or false; false when it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, DecodeError> {
        self.last(name, |value| match value {
            Value::Bool(flag) => Ok(*flag),
            other => Err(self.mismatch(name, other, "bool")),
        })
    }

    /// A field that is an object of texts, some of which may be `null`; none when it is not there.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Texts>, DecodeError> {
        self.last(name, |value| match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| match value {
                    Value::Null => Ok((key.clone(), None)),
                    Value::String(text) => Ok((key.clone(), Some(text.clone()))),
                    other => Err(self.mismatch(name, other, "string")),
                });
                fields.collect::<Result<_, _>>().map(Some)
            }
            other => Err(self.mismatch(name, other, "map[string]*string")),
        })
    }

    fn last<T: Default>(
        &self,
        name: &str,
        read: impl Fn(&Value) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut found = T::default();
        for (key, value) in &self.fields {
            if key.eq_ignore_ascii_case(name) && !value.is_null() {
                found = read(value)?;
            }
        }
        Ok(found)
    }

    fn mismatch(&self, name: &str, found: &Value, wanted: &'static str) -> DecodeError {
        let place = format!("struct field {}.{name}", self.go_type).into();
        DecodeError::Type { found: kind(found), place, wanted }
    }
}

/// A list of texts that stands alone; `null` is an empty one.
pub(crate) fn texts(json: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mismatch = |found: &Value, wanted| {
        let found = kind(found);
        DecodeError::Type { found, place: "value".into(), wanted }
    };
    match serde_json::from_slice(json) {
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(Value::Array(items)) => {
            let text = |item| match item {
                Value::Null => Ok(String::new()),
                Value::String(text) => Ok(text),
                other => Err(mismatch(&other, "string")),
            };
            items.into_iter().map(text).collect()
        }
        Ok(other) => Err(mismatch(&other, "[]string")),
        Err(error) => Err(match refused(json, &error) {
            // What has no end is called otherwise when it is no stream.
            DecodeError::Cut => DecodeError::Syntax("unexpected end of JSON input".into()),
            other => other,
        }),
    }
}

/// Texts by name, as far as they are not `null`.
pub(crate) type Texts = BTreeMap<String, Option<String>>;

/// A whole body: fields in the order they stand in, because the last one counts.
enum Whole {
    Null,
    Object(Vec<(String, Value)>),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl<'de> Visitor<'de> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Whole, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Whole::Object(fields))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Whole, A::Error> {
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Whole::Other("array"))
    }

    fn visit_unit<E>(self) -> Result<Whole, E> {
        Ok(Whole::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Whole, E> {
        Ok(Whole::Other("bool"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Whole, E> {
        Ok(Whole::Other("string"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Whole, E> {
        Ok(Whole::Other("number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Whole, E> {
        Ok(Whole::Other("number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Whole, E> {
        Ok(Whole::Other("number"))
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Go's sentence for what this parser says.
fn refused(body: &[u8], error: &serde_json::Error) -> DecodeError {
    if error.classify() == Category::Eof {
        return DecodeError::Cut;
    }
    let said = error.to_string();
    let context = [
        ("expected value", "looking for beginning of value"),
        ("key must be a string", "looking for beginning of object key string"),
        ("trailing characters", "after top-level value"),
        ("trailing comma", "looking for beginning of object key string"),
        ("expected `:`", "after object key"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
    ];
    let context = context.iter().find(|(ours, _)| said.starts_with(ours)).map(|(_, go)| go);
    match (context, culprit(body, error)) {
        (Some(context), Some(letter)) => {
            DecodeError::Syntax(format!("invalid character {letter:?} {context}").into())
        }
        _ => DecodeError::Syntax(said.into()),
    }
}

/// The character that the parser stopped at.
fn culprit(body: &[u8], error: &serde_json::Error) -> Option<char> {
    let line = body.split(|&byte| byte == b'\n').nth(error.line().checked_sub(1)?)?;
    // A parser that has only looked at a character has not counted it yet.
    let at = error.column().saturating_sub(1);
    Some(char::from(*line.get(at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Result<String, String> {
        let object = Object::parse(body.as_bytes(), "Request");
        object.and_then(|object| object.text("Name")).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_found_as_go_finds_them() {
        for (body, expected) in [
            (r#"{"Name":"a"}"#, "a"),
            (r#"{"nAmE":"a"}"#, "a"),
            (r#"{"Name":"a","NAME":"b","name":null}"#, "b"),
            (r#"{"Other":{"Name":1}}"#, ""),
            ("null", ""),
            (r#" {"Name":"first"} {"Name":"second"}"#, "first"),
            (r#"{"Name":"a"} and then something"#, "a"),
        ] {
            assert_eq!(text(body).as_deref(), Ok(expected), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_gos_words() {
        for (body, expected) in [
            ("", "EOF"),
            ("  \n", "EOF"),
            (r#"{"Name":"#, "unexpected EOF"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{1}", "invalid character '1' looking for beginning of object key string"),
            (r#"{"Name" 1}"#, "invalid character '1' after object key"),
            (r#"{"Name":"a" "b"}"#, r#"invalid character '"' after object key:value pair"#),
            (r#"{"a":[1 2]}"#, "invalid character '2' after array element"),
            ("[]", "json: cannot unmarshal array into Go value of type struct"),
            (
                r#"{"Name":1}"#,
                "json: cannot unmarshal number into Go struct field Request.Name of type string",
            ),
        ] {
            assert_eq!(text(body), Err(expected.to_owned()), "{body}");
        }
    }
}
