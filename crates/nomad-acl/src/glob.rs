//! Patterns: `*` is any run of characters, none and `/` included; everything else is itself.
//!
//! There is no escape, no `?` and no class. A match covers the whole name, byte by byte.

/// A label, split at its stars.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    /// What stands before the first star.
    prefix_len: usize,
    /// What stands after the last star, from here; `None` when there is no star.
    suffix_start: Option<usize>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let head = text.find('*').unwrap_or(text.len());
        Self {
            text: text.into(),
            prefix_len: head,
            suffix_start: text.rfind('*').map(|star| star + 1),
        }
    }

    /// The literal start.
    fn prefix(&self) -> &str {
        self.text.get(..self.prefix_len).unwrap_or("")
    }

    /// The literal end; the whole text when there is no star.
    fn suffix(&self) -> &str {
        self.text.get(self.suffix_start.unwrap_or(0)..).unwrap_or("")
    }

    /// The label as written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole name fits. Inner literals are found leftmost, one after the other, so the
    /// work is linear in the name and the pattern whatever the stars.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(tail) = self.suffix_start else { return *self.text == *name };
        let Some(rest) = name.strip_prefix(self.prefix()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.suffix()) else { return false };
        // Most patterns have one star, and then there is nothing between the first and the last.
        if tail == self.prefix_len + 1 {
            return true;
        }
        let inner = self.text.get(self.prefix_len..tail).unwrap_or("");
        for part in inner.split('*').filter(|part| !part.is_empty()) {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pattern;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = Pattern::new(pattern);
        for name in yes {
            assert!(compiled.matches(name), "{pattern} should match {name}");
        }
        for name in no {
            assert!(!compiled.matches(name), "{pattern} should not match {name}");
        }
    }

    #[test]
    fn stars_are_any_run() {
        check("*", &["", "a", "a/b"], &[]);
        check("edge-*", &["edge-", "edge-eu"], &["edge", "xedge-"]);
        check("ab*ba", &["abba", "abxba"], &["aba"]);
        check("*d*b*", &["db", "xdxbx"], &["abcde"]);
        check("a**b", &["ab", "axb"], &["a"]);
        check("ops", &["ops"], &["op", "opsx", "OPS"]);
    }

    /// The usual recursive definition, slow and obvious.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                naive(rest, name) || name.split_first().is_some_and(|(_, n)| naive(pattern, n))
            }
            (Some((p, rest)), Some((n, left))) if p == n => naive(rest, left),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*]{0,7}", name in "[ab]{0,9}") {
            prop_assert_eq!(
                Pattern::new(&pattern).matches(&name),
                naive(pattern.as_bytes(), name.as_bytes())
            );
        }
    }
}
