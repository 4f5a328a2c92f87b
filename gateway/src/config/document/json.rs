//! JSON. Its library tells positions only for text that is no JSON. Since a JSON object is an HCL expression too, but for
//! some escapes, that reader finds the places.

use serde_json::Value as Json;

use super::{Fault, Node, Place, Value, hcl};

pub(crate) fn read(place: &Place, text: &str) -> Result<Node, Vec<Fault>> {
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let at = format!(" at line {} column {}", error.line(), error.column());
        let said = whole.strip_suffix(&at).unwrap_or(&whole);
        vec![place.at(error.line(), error.column()).fault(said)]
    })?;
    if !json.is_object() {
        return Err(vec![place.fault("the file must hold a JSON object")]);
    }
    let plain = node(place, json);
    Ok(hcl::expression(place, text).unwrap_or(plain))
}

fn node(place: &Place, json: Json) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number.to_string()),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => {
            Value::List(items.into_iter().map(|item| node(place, item)).collect())
        }
        Json::Object(fields) => {
            Value::Table(fields.into_iter().map(|(key, value)| (key, node(place, value))).collect())
        }
    };
    Node { place: place.clone(), value }
}
