//! A name that is asked for: one text, or two with a NUL between them; read from either end.

use crate::trie::Name;

/// A name that is asked for.
pub(crate) trait SearchName: Copy {
    /// The name from its start.
    type Forward: Name;
    /// The name from its end.
    type Backward: Name;

    /// The length in bytes.
    fn length(self) -> usize;

    /// The name from this byte on.
    fn forward(self, from: usize) -> Self::Forward;

    /// The name from its end.
    fn backward(self) -> Self::Backward;
}

/// One text from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forward<'a>(pub(crate) &'a [u8]);

/// One text from its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backward<'a>(&'a [u8]);

impl<'a> SearchName for &'a str {
    type Forward = Forward<'a>;
    type Backward = Backward<'a>;

    fn length(self) -> usize {
        self.len()
    }

    fn forward(self, from: usize) -> Forward<'a> {
        Forward(self.as_bytes().get(from..).unwrap_or_default())
    }

    fn backward(self) -> Backward<'a> {
        Backward(self.as_bytes())
    }
}

impl Name for Forward<'_> {
    fn length(self) -> usize {
        self.0.len()
    }

    fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    fn has(self, label: &[u8], at: usize) -> bool {
        self.0.get(at..at + label.len()) == Some(label)
    }
}

impl Name for Backward<'_> {
    fn length(self) -> usize {
        self.0.len()
    }

    fn byte(self, at: usize) -> u8 {
        self.0.get(self.0.len() - 1 - at).copied().unwrap_or_default()
    }

    fn has(self, label: &[u8], at: usize) -> bool {
        let end = self.0.len() - at;
        let here = self.0.get(end - label.len()..end).unwrap_or_default();
        label.iter().eq(here.iter().rev())
    }
}

/// A variable asked for: namespace and path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VariableName<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) path: &'a str,
}

/// A variable from some byte of its namespace or path on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VariableForward<'a>(VariableName<'a>, usize);

/// A variable from the end of its path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VariableBackward<'a>(VariableName<'a>);

impl VariableName<'_> {
    fn byte(self, at: usize) -> u8 {
        match at.checked_sub(self.namespace.len()) {
            None => self.namespace.as_bytes().get(at).copied().unwrap_or_default(),
            Some(0) => 0,
            Some(after) => self.path.as_bytes().get(after - 1).copied().unwrap_or_default(),
        }
    }
}

impl<'a> SearchName for VariableName<'a> {
    type Forward = VariableForward<'a>;
    type Backward = VariableBackward<'a>;

    fn length(self) -> usize {
        self.namespace.len() + 1 + self.path.len()
    }

    fn forward(self, from: usize) -> VariableForward<'a> {
        VariableForward(self, from)
    }

    fn backward(self) -> VariableBackward<'a> {
        VariableBackward(self)
    }
}

impl Name for VariableForward<'_> {
    fn length(self) -> usize {
        self.0.length() - self.1
    }

    fn byte(self, at: usize) -> u8 {
        self.0.byte(self.1 + at)
    }

    fn has(self, label: &[u8], at: usize) -> bool {
        label.iter().zip(at..).all(|(edge, at)| *edge == self.byte(at))
    }
}

impl Name for VariableBackward<'_> {
    fn length(self) -> usize {
        self.0.length()
    }

    fn byte(self, at: usize) -> u8 {
        self.0.byte(self.0.length() - 1 - at)
    }

    fn has(self, label: &[u8], at: usize) -> bool {
        label.iter().zip(at..).all(|(edge, at)| *edge == self.byte(at))
    }
}
