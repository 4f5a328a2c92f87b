//! Every error and warning about a policy text.

use std::fmt;

use serde_json::{Value, json};

use crate::{Policy, PolicyError, TextPosition, Warning};

/// What [`lint`] found. `Display` has one line for each finding, as compilers write them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintReport {
    /// Where the text came from, for the lines.
    pub file: Option<String>,
    /// Why a server would refuse the text when somebody writes it, if it would.
    pub error: Option<PolicyError>,
    /// Whether a policy with this text, once stored, is still read: the error is one of strict
    /// reading only.
    pub readable: bool,
    /// What is accepted and does nothing, or not what it seems to do.
    pub warnings: Vec<Warning>,
}

/// Reads a text strictly and collects every warning.
///
/// ```
/// let found = nomad_acl::lint(Some("ops.hcl"), "namespace \"ops\" {\n  polcy = \"read\"\n}\nnodes {}");
/// assert_eq!(found.to_string(), "\
/// ops.hcl:4:1: error: Invalid or duplicate policy keys: nodes
/// ops.hcl:2:3: warning: unknown key \"polcy\" in namespace is ignored
/// ops.hcl:4:1: warning: unknown block \"nodes\" is ignored
/// ");
/// ```
#[must_use]
pub fn lint(file: Option<&str>, text: &str) -> LintReport {
    let error = Policy::parse_strict(text).err();
    let (readable, warnings) = match Policy::parse_with_warnings(text) {
        Ok((_, warnings)) => (true, warnings),
        Err(_) => (false, Vec::new()),
    };
    LintReport { file: file.map(str::to_owned), error, readable, warnings }
}

impl LintReport {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.error.is_none() && self.warnings.is_empty()
    }

    /// The same as data: `error` and `warnings`, each with `text`, `line` and `column`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let finding = |text: String, place: Option<TextPosition>| {
            json!({
                "text": text,
                "line": place.map(TextPosition::line),
                "column": place.map(TextPosition::column),
            })
        };
        let error = self.error.as_ref().map(|error| finding(error.to_string(), error.position()));
        let warnings: Vec<Value> = self
            .warnings
            .iter()
            .map(|warning| finding(warning.to_string(), Some(warning.position())))
            .collect();
        json!({
            "file": self.file,
            "readable": self.readable,
            "error": error,
            "warnings": warnings,
        })
    }

    fn write_finding(
        &self,
        f: &mut fmt::Formatter<'_>,
        place: Option<TextPosition>,
        finding: fmt::Arguments<'_>,
    ) -> fmt::Result {
        match (&self.file, place) {
            (Some(file), Some(place)) => writeln!(f, "{file}:{place}: {finding}"),
            (Some(file), None) => writeln!(f, "{file}: {finding}"),
            (None, Some(place)) => writeln!(f, "{place}: {finding}"),
            (None, None) => writeln!(f, "{finding}"),
        }
    }
}

impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            self.write_finding(f, error.position(), format_args!("error: {error}"))?;
        }
        self.warnings.iter().try_for_each(|warning| {
            self.write_finding(f, Some(warning.position()), format_args!("warning: {warning}"))
        })
    }
}
