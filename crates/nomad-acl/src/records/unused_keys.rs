//! The keys that strict reading has no use for.

use std::collections::HashMap;

use super::Records;
use crate::{
    block::Block,
    syntax::{Item, Key, TextPosition},
};

/// The top level keys that nothing accounts for, sorted, and the place of the first of them.
///
/// Counted as Nomad counts: take every key of every item, names and labels alike. For each type of
/// block that occurs one key equal to its name in any case is spent; for each further item of a
/// labelled type one key spelled exactly like the name; for each rule one key equal to its label.
pub(crate) fn unused_keys(
    items: &[Item],
    records: &Records,
) -> Option<(TextPosition, Vec<String>)> {
    let keys: Vec<&Key> = items.iter().flat_map(|item| &item.keys).collect();
    let mut spent = vec![false; keys.len()];
    let mut due: HashMap<&str, usize> = HashMap::new();
    for block in Block::TOP_LEVEL {
        let name = block.as_str();
        let first = |item: &&Item| item.keys.first().is_some_and(|key| key.matches(name));
        let count = items.iter().filter(first).count();
        if count == 0 {
            continue;
        }
        let any_case =
            keys.iter().zip(&mut spent).find(|(key, spent)| !**spent && key.matches(name));
        if let Some((_, spent)) = any_case {
            *spent = true;
        }
        if block.is_labelled() {
            *due.entry(name).or_default() += count - 1;
        }
    }
    for rule in records.rules.iter().filter(|rule| rule.block.is_labelled()) {
        *due.entry(&rule.label).or_default() += 1;
    }
    let left: Vec<&Key> = keys
        .into_iter()
        .zip(spent)
        .filter(|(key, spent)| !spent && !take_one(&mut due, &key.text))
        .map(|(key, _)| key)
        .collect();
    let place = left.first()?.position;
    let mut texts: Vec<String> = left.iter().map(|key| (*key.text).to_owned()).collect();
    texts.sort_unstable();
    Some((place, texts))
}

fn take_one(due: &mut HashMap<&str, usize>, key: &str) -> bool {
    match due.get_mut(key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}
