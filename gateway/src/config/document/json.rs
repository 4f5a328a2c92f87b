//! JSON. Its library tells positions only for text that is no JSON. Since a JSON object is an HCL expression too, but for
//! some escapes, that reader finds the places.

use serde_json::Value as Json;

use super::{ConfigNode, ConfigValue, Diagnostic, SourceLocation, hcl};

pub(crate) fn parse(place: &SourceLocation, text: &str) -> Result<ConfigNode, Vec<Diagnostic>> {
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let at = format!(" at line {} column {}", error.line(), error.column());
        let said = whole.strip_suffix(&at).unwrap_or(&whole);
        vec![place.with_position(error.line(), error.column()).diagnostic(said)]
    })?;
    if !json.is_object() {
        return Err(vec![place.diagnostic("the file must hold a JSON object")]);
    }
    let plain = convert(place, json);
    Ok(hcl::parse_object(place, text).unwrap_or(plain))
}

fn convert(place: &SourceLocation, json: Json) -> ConfigNode {
    let value = match json {
        Json::Null => ConfigValue::Null,
        Json::Bool(value) => ConfigValue::Bool(value),
        Json::Number(number) => ConfigValue::Number(number.to_string()),
        Json::String(text) => ConfigValue::String(text),
        Json::Array(items) => {
            ConfigValue::List(items.into_iter().map(|item| convert(place, item)).collect())
        }
        Json::Object(fields) => ConfigValue::Table(
            fields.into_iter().map(|(key, value)| (key, convert(place, value))).collect(),
        ),
    };
    ConfigNode { location: place.clone(), value }
}
