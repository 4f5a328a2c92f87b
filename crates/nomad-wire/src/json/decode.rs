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
    Eof,
    /// The value has no end.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// It is no JSON.
    #[error("{0}")]
    Syntax(Box<str>),
    /// A field, or the whole, is of another type than it should be.
    #[error("json: cannot unmarshal {actual} into Go {target} of type {expected}")]
    Type {
        /// What stands there: `string`, `number`, `bool`, `array` or `object`.
        actual: &'static str,
        /// `struct field X.Y`, or `value` for the whole.
        target: Box<str>,
        /// What should stand there.
        expected: &'static str,
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
        let mut values = serde_json::Deserializer::from_slice(body).into_iter::<JsonBody>();
        match values.next() {
            None => Err(DecodeError::Eof),
            Some(Err(error)) => Err(decode_error(body, &error)),
            Some(Ok(JsonBody::Null)) => Ok(Self { go_type, fields: Vec::new() }),
            Some(Ok(JsonBody::Object(fields))) => Ok(Self { go_type, fields }),
            Some(Ok(JsonBody::Other(found))) => {
                Err(DecodeError::Type { actual: found, target: "value".into(), expected: "struct" })
            }
        }
    }

    /// The same for a call that must have a body.
    pub(crate) fn parse_required(body: &[u8], go_type: &'static str) -> Result<Self, BodyError> {
        if body.is_empty() { Err(BodyError::Missing) } else { Ok(Self::parse(body, go_type)?) }
    }

    /// A field that is text; empty when it is not there.
    pub(crate) fn string(&self, name: &str) -> Result<String, DecodeError> {
        self.last_field(name, |value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.mismatch(name, other, "string")),
        })
    }

    /// A field that is true or false; false when it is not there.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, DecodeError> {
        self.last_field(name, |value| match value {
            Value::Bool(flag) => Ok(*flag),
            other => Err(self.mismatch(name, other, "bool")),
        })
    }

    /// A field that is a whole number; zero when it is not there.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, DecodeError> {
        self.last_field(name, |value| {
            value.as_i64().ok_or_else(|| self.mismatch(name, value, "int"))
        })
    }

    /// A field that is an object of texts, some of which may be `null`; none when it is not there.
    pub(crate) fn string_map(&self, name: &str) -> Result<Option<StringMap>, DecodeError> {
        self.last_field(name, |value| match value {
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

    fn last_field<T: Default>(
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
        DecodeError::Type { actual: type_name(found), target: place, expected: wanted }
    }
}

/// A list of texts that stands alone; `null` is an empty one.
pub(crate) fn string_list(json: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mismatch = |found: &Value, wanted| {
        let found = type_name(found);
        DecodeError::Type { actual: found, target: "value".into(), expected: wanted }
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
        Err(error) => Err(match decode_error(json, &error) {
            // What has no end is called otherwise when it is no stream.
            DecodeError::UnexpectedEof => {
                DecodeError::Syntax("unexpected end of JSON input".into())
            }
            other => other,
        }),
    }
}

/// Texts by name, as far as they are not `null`.
pub(crate) type StringMap = BTreeMap<String, Option<String>>;

/// A whole body: fields in the order they stand in, because the last one counts.
enum JsonBody {
    Null,
    Object(Vec<(String, Value)>),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for JsonBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(JsonBodyVisitor)
    }
}

struct JsonBodyVisitor;

impl<'de> Visitor<'de> for JsonBodyVisitor {
    type Value = JsonBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonBody, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(JsonBody::Object(fields))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<JsonBody, A::Error> {
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(JsonBody::Other("array"))
    }

    fn visit_unit<E>(self) -> Result<JsonBody, E> {
        Ok(JsonBody::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<JsonBody, E> {
        Ok(JsonBody::Other("bool"))
    }

    fn visit_str<E>(self, _: &str) -> Result<JsonBody, E> {
        Ok(JsonBody::Other("string"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<JsonBody, E> {
        Ok(JsonBody::Other("number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<JsonBody, E> {
        Ok(JsonBody::Other("number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<JsonBody, E> {
        Ok(JsonBody::Other("number"))
    }
}

const fn type_name(value: &Value) -> &'static str {
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
fn decode_error(body: &[u8], error: &serde_json::Error) -> DecodeError {
    if error.classify() == Category::Eof {
        return DecodeError::UnexpectedEof;
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
    match (context, offending_char(body, error)) {
        (Some(context), Some(letter)) => {
            DecodeError::Syntax(format!("invalid character {letter:?} {context}").into())
        }
        _ => DecodeError::Syntax(said.into()),
    }
}

/// The character that the parser stopped at.
fn offending_char(body: &[u8], error: &serde_json::Error) -> Option<char> {
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
        object.and_then(|object| object.string("Name")).map_err(|error| error.to_string())
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
    fn errors_are_in_the_words_of_go() {
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
