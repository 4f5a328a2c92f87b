//! Items → records: which item means which block, label and attribute. No word is checked yet.
//!
//! The rules of repetition live here. A labelled block may repeat and every occurrence is a rule; all
//! occurrences of a block without label are read into one record, so a later `policy` overwrites an
//! earlier one and a later list is appended. The same holds for a repeated attribute.

mod unused_keys;

use std::rc::Rc;

use crate::{
    block::Block,
    error::PolicyError,
    syntax::{Item, Key, TextPosition, Value, ValueData},
    warning::Warning,
};

pub(crate) use crate::records::unused_keys::unused_keys;

/// A word as written.
#[derive(Clone, Debug)]
pub(crate) struct SourceText {
    pub(crate) text: Rc<str>,
    pub(crate) position: TextPosition,
}

/// One block as written.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) block: Block,
    pub(crate) label: Rc<str>,
    pub(crate) position: TextPosition,
    pub(crate) level: Option<SourceText>,
    pub(crate) capabilities: Vec<SourceText>,
    /// The `path` blocks; `None` when there is no `variables` block at all.
    pub(crate) paths: Option<Vec<Self>>,
}

/// A policy as written.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) rules: Vec<Record>,
    pub(crate) warnings: Vec<Warning>,
}

impl Records {
    /// The records of one block type, in their order.
    pub(crate) fn of_block(&self, block: Block) -> impl Iterator<Item = &Record> {
        self.rules.iter().filter(move |record| record.block == block)
    }
}

/// Sorts the top level items into records.
pub(crate) fn from_items(items: &[Item]) -> Result<Records, PolicyError> {
    let mut records = Records::default();
    let body: Vec<ItemView<'_>> = items.iter().map(ItemView::new).collect();
    for view in &body {
        if !Block::TOP_LEVEL.iter().any(|block| view.has_key(block.as_str())) {
            records.warn_unknown(None, view);
        }
    }
    for block in Block::TOP_LEVEL {
        let found: Vec<ItemView<'_>> = select(&body, block.as_str()).collect();
        if found.is_empty() {
            continue;
        }
        if block.is_labelled() {
            let mut rules = records.labelled_records(block, &found)?;
            clear_missing_labels(block, &found, &mut rules)?;
            records.rules.extend(rules);
        } else {
            let rule = records.unlabelled_record(block, &found)?;
            records.rules.push(rule);
        }
    }
    Ok(records)
}

/// An item seen from inside: the keys that are left, and the value.
#[derive(Clone, Copy, Debug)]
struct ItemView<'a> {
    keys: &'a [Key],
    value: &'a Value,
    position: TextPosition,
}

impl<'a> ItemView<'a> {
    fn new(item: &'a Item) -> Self {
        let place = item.keys.first().map_or(item.value.position, |key| key.position);
        ItemView { keys: &item.keys, value: &item.value, position: place }
    }

    fn has_key(&self, name: &str) -> bool {
        self.keys.first().is_some_and(|key| key.matches(name))
    }
}

/// The items with this name, without it.
fn select<'a, 'b>(
    body: &'b [ItemView<'a>],
    name: &'b str,
) -> impl Iterator<Item = ItemView<'a>> + 'b {
    body.iter()
        .filter(move |view| view.has_key(name))
        .map(|view| ItemView { keys: view.keys.get(1..).unwrap_or_default(), ..*view })
}

fn shape_error(place: TextPosition, reason: String) -> PolicyError {
    PolicyError::Shape { position: place, reason }
}

impl Records {
    /// The rules of a labelled block. A block without label is taken apart: each item of its body
    /// becomes a rule labelled with its name, which [`clear_missing_labels`] sets right.
    fn labelled_records(
        &mut self,
        block: Block,
        found: &[ItemView<'_>],
    ) -> Result<Vec<Record>, PolicyError> {
        let mut rules = Vec::with_capacity(found.len());
        for view in found {
            if let [label, ..] = view.keys {
                rules.push(self.labelled_record(block, view, label)?);
            }
        }
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let items = match &view.value.data {
                ValueData::Object(items) => items,
                ValueData::List(values) if values.is_empty() => continue,
                ValueData::List(_) | ValueData::Literal(_) => {
                    return Err(shape_error(view.position, format!("{block}: not an object")));
                }
            };
            for item in items.iter().map(ItemView::new) {
                if let [label, ..] = item.keys {
                    rules.push(self.labelled_record(block, &item, label)?);
                }
            }
        }
        Ok(rules)
    }

    /// A block with its label. With exactly two labels the second is read as the name of a nested
    /// object, so the rule stays without rights; with three and more the rest is passed over.
    fn labelled_record(
        &mut self,
        block: Block,
        view: &ItemView<'_>,
        label: &Key,
    ) -> Result<Record, PolicyError> {
        let body = match (view.keys, &view.value.data) {
            ([_, second], _) => {
                self.warnings.push(Warning::ExtraLabel {
                    position: second.position,
                    block,
                    label: (*second.text).to_owned(),
                });
                vec![ItemView { keys: std::slice::from_ref(second), ..*view }]
            }
            (_, ValueData::Object(items)) => items.iter().map(ItemView::new).collect(),
            (keys, ValueData::Literal(_)) => vec![ItemView { keys, ..*view }],
            (_, ValueData::List(_)) => {
                return Err(shape_error(view.position, format!("{block}: a list is no block")));
            }
        };
        self.record(block, (label.text.clone(), view.position), &body)
    }

    /// A block without label: every occurrence goes into one record.
    fn unlabelled_record(
        &mut self,
        block: Block,
        found: &[ItemView<'_>],
    ) -> Result<Record, PolicyError> {
        let mut body = Vec::new();
        for view in found.iter().filter(|view| !view.keys.is_empty()) {
            body.push(*view);
        }
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let ValueData::Object(items) = &view.value.data else {
                return Err(shape_error(view.position, format!("{block}: not an object")));
            };
            body.extend(items.iter().map(ItemView::new));
        }
        let place = found.first().map_or_else(TextPosition::default, |view| view.position);
        if let Some(second) = found.get(1) {
            self.warnings.push(Warning::RepeatedBlock { position: second.position, block });
        }
        self.record(block, ("".into(), place), &body)
    }

    fn record(
        &mut self,
        block: Block,
        (label, place): (Rc<str>, TextPosition),
        body: &[ItemView<'_>],
    ) -> Result<Record, PolicyError> {
        for view in body {
            if !block.attributes().iter().any(|name| view.has_key(name)) {
                self.warn_unknown(Some(block), view);
            }
        }
        let has = |name: &str| block.attributes().contains(&name);
        Ok(Record {
            block,
            label,
            position: place,
            level: if has("policy") { read_level(block, body)? } else { None },
            capabilities: if has("capabilities") {
                read_capabilities(block, body)?
            } else {
                Vec::new()
            },
            paths: if has("variables") { self.variables(body)? } else { None },
        })
    }

    /// Every `variables` block of a namespace, one after the other.
    fn variables(&mut self, body: &[ItemView<'_>]) -> Result<Option<Vec<Record>>, PolicyError> {
        let found: Vec<ItemView<'_>> = select(body, "variables").collect();
        if found.is_empty() {
            return Ok(None);
        }
        let mut inside: Vec<ItemView<'_>> = Vec::new();
        inside.extend(found.iter().filter(|view| !view.keys.is_empty()));
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let ValueData::Object(items) = &view.value.data else {
                return Err(shape_error(view.position, "variables: not an object".to_owned()));
            };
            inside.extend(items.iter().map(ItemView::new));
        }
        for view in inside.iter().filter(|view| !view.has_key("path")) {
            self.warn_unknown(Some(Block::Variables), view);
        }
        let paths: Vec<ItemView<'_>> = select(&inside, "path").collect();
        let mut rules = self.labelled_records(Block::Path, &paths)?;
        // Only the first `variables` block is looked through for paths without a label.
        if let Some(ValueData::Object(items)) = found.first().map(|first| &first.value.data) {
            let body: Vec<ItemView<'_>> = items.iter().map(ItemView::new).collect();
            let paths: Vec<ItemView<'_>> = select(&body, "path").collect();
            clear_missing_labels(Block::Path, &paths, &mut rules)?;
        }
        Ok(Some(rules))
    }

    fn warn_unknown(&mut self, inside: Option<Block>, view: &ItemView<'_>) {
        let key = view.keys.first().map_or_else(String::new, |key| (*key.text).to_owned());
        self.warnings.push(match inside {
            None => Warning::UnknownBlock { position: view.position, key },
            Some(block) => Warning::UnknownKey { position: view.position, block, key },
        });
    }
}

/// Takes the label from the rules of blocks that have none, so that it is refused later.
///
/// Nomad pairs blocks and rules by their number, blocks in the order of the text and rules with the
/// labelled ones first, and fails where a block has no rule. So an empty block without label is one
/// error and one with a body another, and either way the policy is refused.
fn clear_missing_labels(
    block: Block,
    found: &[ItemView<'_>],
    rules: &mut [Record],
) -> Result<(), PolicyError> {
    for (index, view) in found.iter().enumerate().filter(|(_, view)| view.keys.is_empty()) {
        let Some(rule) = rules.get_mut(index) else {
            return Err(PolicyError::Unlabelled { position: view.position, block: block.as_str() });
        };
        rule.label = "".into();
        rule.position = view.position;
    }
    Ok(())
}

/// The `policy` of a body: the last one, as text.
fn read_level(block: Block, body: &[ItemView<'_>]) -> Result<Option<SourceText>, PolicyError> {
    let mut last = None;
    for view in select(body, "policy") {
        match &view.value.data {
            ValueData::Literal(text) if view.keys.is_empty() => {
                last = Some(SourceText { text: text.clone(), position: view.value.position });
            }
            _ => return Err(shape_error(view.position, format!("{block}.policy: not a string"))),
        }
    }
    Ok(last.filter(|word| !word.text.is_empty()))
}

/// The `capabilities` of a body: all of them, one list after the other.
fn read_capabilities(block: Block, body: &[ItemView<'_>]) -> Result<Vec<SourceText>, PolicyError> {
    let mut words = Vec::new();
    for view in select(body, "capabilities") {
        let elements = match &view.value.data {
            ValueData::List(elements) if view.keys.is_empty() => elements,
            ValueData::Object(items) if items.is_empty() && view.keys.is_empty() => continue,
            _ => {
                return Err(shape_error(
                    view.position,
                    format!("{block}.capabilities: not a list"),
                ));
            }
        };
        for element in elements {
            let ValueData::Literal(text) = &element.data else {
                let reason = format!("{block}.capabilities: not a list of strings");
                return Err(shape_error(element.position, reason));
            };
            words.push(SourceText { text: text.clone(), position: element.position });
        }
    }
    Ok(words)
}
