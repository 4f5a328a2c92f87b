//! Items → records: which item means which block, label and attribute. No word is checked yet.
//!
//! The rules of repetition live here. A labelled block may repeat and every occurrence is a rule; all
//! occurrences of a block without label are read into one record, so a later `policy` overwrites an
//! earlier one and a later list is appended. The same holds for a repeated attribute.

mod leftover;

use std::rc::Rc;

use crate::{
    block::Block,
    error::PolicyError,
    item::{Item, Key, Place, Shape, Value},
    warning::Warning,
};

pub(crate) use self::leftover::leftover;

/// A word as written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: Rc<str>,
    pub(crate) place: Place,
}

/// One block as written.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) block: Block,
    pub(crate) label: Rc<str>,
    pub(crate) place: Place,
    pub(crate) level: Option<Written>,
    pub(crate) capabilities: Vec<Written>,
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
    pub(crate) fn of(&self, block: Block) -> impl Iterator<Item = &Record> {
        self.rules.iter().filter(move |record| record.block == block)
    }
}

/// Sorts the top level items into records.
pub(crate) fn records(items: &[Item]) -> Result<Records, PolicyError> {
    let mut records = Records::default();
    let body: Vec<View<'_>> = items.iter().map(View::of).collect();
    for view in &body {
        if !Block::TOP.iter().any(|block| view.is(block.as_str())) {
            records.warn_unknown(None, view);
        }
    }
    for block in Block::TOP {
        let found: Vec<View<'_>> = select(&body, block.as_str()).collect();
        if found.is_empty() {
            continue;
        }
        if block.is_labelled() {
            let mut rules = records.labelled(block, &found)?;
            unlabel(block, &found, &mut rules)?;
            records.rules.extend(rules);
        } else {
            let rule = records.single(block, &found)?;
            records.rules.push(rule);
        }
    }
    Ok(records)
}

/// An item seen from inside: the keys that are left, and the value.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    keys: &'a [Key],
    value: &'a Value,
    place: Place,
}

impl<'a> View<'a> {
    fn of(item: &'a Item) -> Self {
        let place = item.keys.first().map_or(item.value.place, |key| key.place);
        View { keys: &item.keys, value: &item.value, place }
    }

    fn is(&self, name: &str) -> bool {
        self.keys.first().is_some_and(|key| key.is(name))
    }
}

/// The items with this name, without it.
fn select<'a, 'b>(body: &'b [View<'a>], name: &'b str) -> impl Iterator<Item = View<'a>> + 'b {
    body.iter()
        .filter(move |view| view.is(name))
        .map(|view| View { keys: view.keys.get(1..).unwrap_or_default(), ..*view })
}

fn wrong(place: Place, reason: String) -> PolicyError {
    PolicyError::Shape { place, reason }
}

impl Records {
    /// The rules of a labelled block. A block without label is taken apart: each item of its body
    /// becomes a rule labelled with its name, which [`unlabel`] sets right.
    fn labelled(&mut self, block: Block, found: &[View<'_>]) -> Result<Vec<Record>, PolicyError> {
        let mut rules = Vec::with_capacity(found.len());
        for view in found {
            if let [label, ..] = view.keys {
                rules.push(self.labelled_one(block, view, label)?);
            }
        }
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let items = match &view.value.shape {
                Shape::Object(items) => items,
                Shape::List(values) if values.is_empty() => continue,
                Shape::List(_) | Shape::Literal(_) => {
                    return Err(wrong(view.place, format!("{block}: not an object")));
                }
            };
            for item in items.iter().map(View::of) {
                if let [label, ..] = item.keys {
                    rules.push(self.labelled_one(block, &item, label)?);
                }
            }
        }
        Ok(rules)
    }

    /// A block with its label. With exactly two labels the second is read as the name of a nested
    /// object, so the rule stays without rights; with three and more the rest is passed over.
    fn labelled_one(
        &mut self,
        block: Block,
        view: &View<'_>,
        label: &Key,
    ) -> Result<Record, PolicyError> {
        let body = match (view.keys, &view.value.shape) {
            ([_, second], _) => {
                self.warnings.push(Warning::ExtraLabel {
                    place: second.place,
                    block,
                    label: (*second.text).to_owned(),
                });
                vec![View { keys: std::slice::from_ref(second), ..*view }]
            }
            (_, Shape::Object(items)) => items.iter().map(View::of).collect(),
            (keys, Shape::Literal(_)) => vec![View { keys, ..*view }],
            (_, Shape::List(_)) => {
                return Err(wrong(view.place, format!("{block}: a list is no block")));
            }
        };
        self.record(block, (label.text.clone(), view.place), &body)
    }

    /// A block without label: every occurrence goes into one record.
    fn single(&mut self, block: Block, found: &[View<'_>]) -> Result<Record, PolicyError> {
        let mut body = Vec::new();
        for view in found.iter().filter(|view| !view.keys.is_empty()) {
            body.push(*view);
        }
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let Shape::Object(items) = &view.value.shape else {
                return Err(wrong(view.place, format!("{block}: not an object")));
            };
            body.extend(items.iter().map(View::of));
        }
        let place = found.first().map_or_else(Place::default, |view| view.place);
        if let Some(second) = found.get(1) {
            self.warnings.push(Warning::RepeatedBlock { place: second.place, block });
        }
        self.record(block, ("".into(), place), &body)
    }

    fn record(
        &mut self,
        block: Block,
        (label, place): (Rc<str>, Place),
        body: &[View<'_>],
    ) -> Result<Record, PolicyError> {
        for view in body {
            if !block.attributes().iter().any(|name| view.is(name)) {
                self.warn_unknown(Some(block), view);
            }
        }
        let has = |name: &str| block.attributes().contains(&name);
        Ok(Record {
            block,
            label,
            place,
            level: if has("policy") { text(block, body)? } else { None },
            capabilities: if has("capabilities") { list(block, body)? } else { Vec::new() },
            paths: if has("variables") { self.variables(body)? } else { None },
        })
    }

    /// Every `variables` block of a namespace, one after the other.
    fn variables(&mut self, body: &[View<'_>]) -> Result<Option<Vec<Record>>, PolicyError> {
        let found: Vec<View<'_>> = select(body, "variables").collect();
        if found.is_empty() {
            return Ok(None);
        }
        let mut inside: Vec<View<'_>> = Vec::new();
        inside.extend(found.iter().filter(|view| !view.keys.is_empty()));
        for view in found.iter().filter(|view| view.keys.is_empty()) {
            let Shape::Object(items) = &view.value.shape else {
                return Err(wrong(view.place, "variables: not an object".to_owned()));
            };
            inside.extend(items.iter().map(View::of));
        }
        for view in inside.iter().filter(|view| !view.is("path")) {
            self.warn_unknown(Some(Block::Variables), view);
        }
        let paths: Vec<View<'_>> = select(&inside, "path").collect();
        let mut rules = self.labelled(Block::Path, &paths)?;
        // Only the first `variables` block is looked through for paths without a label.
        if let Some(Shape::Object(items)) = found.first().map(|first| &first.value.shape) {
            let body: Vec<View<'_>> = items.iter().map(View::of).collect();
            let paths: Vec<View<'_>> = select(&body, "path").collect();
            unlabel(Block::Path, &paths, &mut rules)?;
        }
        Ok(Some(rules))
    }

    fn warn_unknown(&mut self, inside: Option<Block>, view: &View<'_>) {
        let key = view.keys.first().map_or_else(String::new, |key| (*key.text).to_owned());
        self.warnings.push(match inside {
            None => Warning::UnknownBlock { place: view.place, key },
            Some(block) => Warning::UnknownKey { place: view.place, block, key },
        });
    }
}

/// Takes the label from the rules of blocks that have none, so that it is refused later.
///
/// Nomad pairs blocks and rules by their number, blocks in the order of the text and rules with the
/// labelled ones first, and fails where a block has no rule. So an empty block without label is one
/// error and one with a body another, and either way the policy is refused.
fn unlabel(block: Block, found: &[View<'_>], rules: &mut [Record]) -> Result<(), PolicyError> {
    for (index, view) in found.iter().enumerate().filter(|(_, view)| view.keys.is_empty()) {
        let Some(rule) = rules.get_mut(index) else {
            return Err(PolicyError::Unlabelled { place: view.place, block: block.as_str() });
        };
        rule.label = "".into();
        rule.place = view.place;
    }
    Ok(())
}

/// The `policy` of a body: the last one, as text.
fn text(block: Block, body: &[View<'_>]) -> Result<Option<Written>, PolicyError> {
    let mut last = None;
    for view in select(body, "policy") {
        match &view.value.shape {
            Shape::Literal(text) if view.keys.is_empty() => {
                last = Some(Written { text: text.clone(), place: view.value.place });
            }
            _ => return Err(wrong(view.place, format!("{block}.policy: not a string"))),
        }
    }
    Ok(last.filter(|word| !word.text.is_empty()))
}

/// The `capabilities` of a body: all of them, one list after the other.
fn list(block: Block, body: &[View<'_>]) -> Result<Vec<Written>, PolicyError> {
    let mut words = Vec::new();
    for view in select(body, "capabilities") {
        let elements = match &view.value.shape {
            Shape::List(elements) if view.keys.is_empty() => elements,
            Shape::Object(items) if items.is_empty() && view.keys.is_empty() => continue,
            _ => return Err(wrong(view.place, format!("{block}.capabilities: not a list"))),
        };
        for element in elements {
            let Shape::Literal(text) = &element.shape else {
                let reason = format!("{block}.capabilities: not a list of strings");
                return Err(wrong(element.place, reason));
            };
            words.push(Written { text: text.clone(), place: element.place });
        }
    }
    Ok(words)
}
