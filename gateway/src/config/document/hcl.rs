//! HCL, without its expressions: a configuration is values, and nothing in it is computed.

use std::collections::HashSet;

use hcl_edit::{
    Span,
    expr::{Expression, ObjectKey},
    structure::{Body, Structure},
};

use super::{ConfigNode, ConfigValue, Diagnostic, SourceLocation};

pub(crate) fn parse(place: &SourceLocation, text: &str) -> Result<ConfigNode, Vec<Diagnostic>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let at = error.location();
        vec![place.with_position(at.line(), at.column()).diagnostic(error.message())]
    })?;
    let mut reader = HclReader::new(place, text, 0);
    let value = reader.read_body(&body);
    if reader.diagnostics.is_empty() {
        Ok(ConfigNode { location: place.clone(), value })
    } else {
        Err(reader.diagnostics)
    }
}

/// Reads an object that stands alone; `None` when it is not plain.
pub(crate) fn parse_object(place: &SourceLocation, text: &str) -> Option<ConfigNode> {
    // What stands before it moves columns of the first line only, by as much.
    const BEFORE: &str = "x=";
    let text = format!("{BEFORE}{}", text.trim_start_matches('\u{feff}'));
    let body = hcl_edit::parser::parse_body(&text).ok()?;
    let mut reader = HclReader::new(place, &text, BEFORE.len());
    let whole = body.attributes().next()?;
    let node = reader.read_expression(place, &whole.value);
    reader.diagnostics.is_empty().then_some(node)
}

struct HclReader<'a> {
    /// By how much columns of the first line are moved.
    column_shift: usize,
    location: &'a SourceLocation,
    text: &'a str,
    /// Where each line begins: a table of ten thousand nodes asks for some fifty thousand places.
    line_starts: Vec<usize>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> HclReader<'a> {
    fn new(place: &'a SourceLocation, text: &'a str, shift: usize) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after).collect();
        Self {
            column_shift: shift,
            location: place,
            text,
            line_starts: lines,
            diagnostics: Vec::new(),
        }
    }

    fn read_body(&mut self, body: &Body) -> ConfigValue {
        let mut table = ConfigNode::empty_table(self.location.clone());
        let mut written = HashSet::new();
        for structure in body {
            let place = self.location_of(structure);
            let (path, inner) = match structure {
                Structure::Attribute(attribute) => {
                    let key = vec![attribute.key.as_str().to_owned()];
                    // A setting is found by where it begins, not by where its value does.
                    let value = self.read_expression(&place, &attribute.value).value;
                    (key, ConfigNode { location: place.clone(), value })
                }
                Structure::Block(block) => {
                    let labels = block.labels.iter().map(|label| label.as_str().to_owned());
                    let key = std::iter::once(block.ident.as_str().to_owned()).chain(labels);
                    (
                        key.collect(),
                        ConfigNode { location: place.clone(), value: self.read_body(&block.body) },
                    )
                }
            };
            let name = path.join(" ");
            if let Some(name) = written.replace(name) {
                self.diagnostics
                    .push(place.diagnostic(format!("{name} stands here a second time")));
            }
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            table.set(&keys, inner);
        }
        table.value
    }

    fn read_expression(&mut self, place: &SourceLocation, expression: &Expression) -> ConfigNode {
        let place =
            if expression.span().is_some() { self.location_of(expression) } else { place.clone() };
        let value = match expression {
            Expression::Null(_) => ConfigValue::Null,
            Expression::Bool(value) => ConfigValue::Bool(*value.value()),
            Expression::Number(number) => ConfigValue::Number(number.value().to_string()),
            Expression::String(text) => ConfigValue::String(text.value().clone()),
            Expression::Array(items) => ConfigValue::List(
                items.iter().map(|item| self.read_expression(&place, item)).collect(),
            ),
            Expression::Object(fields) => {
                let mut table = ConfigNode::empty_table(place.clone());
                for (key, value) in fields {
                    let node = self.read_expression(&place, value.expr());
                    match key_name(key) {
                        Some(name) => table.set(&[name], node),
                        None => {
                            self.diagnostics.push(place.diagnostic("a key must be a plain name"))
                        }
                    }
                }
                table.value
            }
            Expression::HeredocTemplate(heredoc) => match heredoc.template.as_single_element() {
                Some(hcl_edit::template::Element::Literal(text)) => {
                    ConfigValue::String(text.value().clone())
                }
                _ => self.reject_expression(&place),
            },
            _ => self.reject_expression(&place),
        };
        ConfigNode { location: place, value }
    }

    fn reject_expression(&mut self, place: &SourceLocation) -> ConfigValue {
        let text = "only plain values are understood here; a literal ${ is written $${";
        self.diagnostics.push(place.diagnostic(text));
        ConfigValue::Null
    }

    fn location_of(&self, written: &impl Span) -> SourceLocation {
        let start = written.span().map_or(0, |span| span.start);
        let row = self.line_starts.partition_point(|begin| *begin <= start);
        let begin = row.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied();
        let line = self.text.get(begin.unwrap_or_default()..start).unwrap_or_default();
        let shift = if row == 1 { self.column_shift } else { 0 };
        self.location.with_position(row, (line.chars().count() + 1).saturating_sub(shift))
    }
}

fn key_name(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str()),
        ObjectKey::Expression(expression) => expression.as_str(),
    }
}
