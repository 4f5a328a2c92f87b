//! HCL, without its expressions: a configuration is values, and nothing in it is computed.

use std::collections::HashSet;

use hcl_edit::{
    Span,
    expr::{Expression, ObjectKey},
    structure::{Body, Structure},
};

use super::{Fault, Node, Place, Value};

pub(crate) fn read(place: &Place, text: &str) -> Result<Node, Vec<Fault>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let at = error.location();
        vec![place.at(at.line(), at.column()).fault(error.message())]
    })?;
    let mut reader = Reader::new(place, text, 0);
    let value = reader.body(&body);
    if reader.faults.is_empty() {
        Ok(Node { place: place.clone(), value })
    } else {
        Err(reader.faults)
    }
}

/// Reads an object that stands alone; `None` when it is not plain.
pub(crate) fn expression(place: &Place, text: &str) -> Option<Node> {
    // What stands before it moves columns of the first line only, by as much.
    const BEFORE: &str = "x=";
    let text = format!("{BEFORE}{}", text.trim_start_matches('\u{feff}'));
    let body = hcl_edit::parser::parse_body(&text).ok()?;
    let mut reader = Reader::new(place, &text, BEFORE.len());
    let whole = body.attributes().next()?;
    let node = reader.expression(place, &whole.value);
    reader.faults.is_empty().then_some(node)
}

struct Reader<'a> {
    /// By how much columns of the first line are moved.
    shift: usize,
    place: &'a Place,
    text: &'a str,
    /// Where each line begins: a table of ten thousand nodes asks for some fifty thousand places.
    lines: Vec<usize>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(place: &'a Place, text: &'a str, shift: usize) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after).collect();
        Self { shift, place, text, lines, faults: Vec::new() }
    }

    fn body(&mut self, body: &Body) -> Value {
        let mut table = Node::table(self.place.clone());
        let mut written = HashSet::new();
        for structure in body {
            let place = self.at(structure);
            let (path, inner) = match structure {
                Structure::Attribute(attribute) => {
                    let key = vec![attribute.key.as_str().to_owned()];
                    // A setting is found by where it begins, not by where its value does.
                    let value = self.expression(&place, &attribute.value).value;
                    (key, Node { place: place.clone(), value })
                }
                Structure::Block(block) => {
                    let labels = block.labels.iter().map(|label| label.as_str().to_owned());
                    let key = std::iter::once(block.ident.as_str().to_owned()).chain(labels);
                    (key.collect(), Node { place: place.clone(), value: self.body(&block.body) })
                }
            };
            let name = path.join(" ");
            if let Some(name) = written.replace(name) {
                self.faults.push(place.fault(format!("{name} stands here a second time")));
            }
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            table.set(&keys, inner);
        }
        table.value
    }

    fn expression(&mut self, place: &Place, expression: &Expression) -> Node {
        let place = if expression.span().is_some() { self.at(expression) } else { place.clone() };
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => Value::Number(number.value().to_string()),
            Expression::String(text) => Value::Text(text.value().clone()),
            Expression::Array(items) => {
                Value::List(items.iter().map(|item| self.expression(&place, item)).collect())
            }
            Expression::Object(fields) => {
                let mut table = Node::table(place.clone());
                for (key, value) in fields {
                    let node = self.expression(&place, value.expr());
                    match name(key) {
                        Some(name) => table.set(&[name], node),
                        None => self.faults.push(place.fault("a key must be a plain name")),
                    }
                }
                table.value
            }
            Expression::HeredocTemplate(heredoc) => match heredoc.template.as_single_element() {
                Some(hcl_edit::template::Element::Literal(text)) => {
                    Value::Text(text.value().clone())
                }
                _ => self.computed(&place),
            },
            _ => self.computed(&place),
        };
        Node { place, value }
    }

    fn computed(&mut self, place: &Place) -> Value {
        let text = "only plain values are understood here; a literal ${ is written $${";
        self.faults.push(place.fault(text));
        Value::Null
    }

    fn at(&self, written: &impl Span) -> Place {
        let start = written.span().map_or(0, |span| span.start);
        let row = self.lines.partition_point(|begin| *begin <= start);
        let begin = row.checked_sub(1).and_then(|line| self.lines.get(line)).copied();
        let line = self.text.get(begin.unwrap_or_default()..start).unwrap_or_default();
        let shift = if row == 1 { self.shift } else { 0 };
        self.place.at(row, (line.chars().count() + 1).saturating_sub(shift))
    }
}

fn name(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str()),
        ObjectKey::Expression(expression) => expression.as_str(),
    }
}
