//! Configuration files: HCL or JSON with places, so that every fault can be told with file, line and column.

mod diagnostic;
mod document;
mod section;

use std::path::Path;

pub use self::diagnostic::{ConfigError, Diagnostic};
pub(crate) use self::{
    document::{ConfigNode, ConfigValue, SourceLocation, parse},
    section::{Diagnostics, Section},
};

/// Reads one file; nothing is checked yet but its form.
///
/// # Errors
/// [`ConfigError`].
pub(crate) fn read_file(path: &Path) -> Result<ConfigNode, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse(path, &text).map_err(ConfigError::Invalid)
}
