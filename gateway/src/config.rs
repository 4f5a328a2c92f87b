//! Configuration files: HCL or JSON with places, so that every fault can be told with file, line and column.

mod document;
mod fault;
mod section;

use std::path::Path;

pub use self::fault::{ConfigError, Fault};
pub(crate) use self::{
    document::{Node, Place, Value, read as parse},
    section::{Faults, Section},
};

/// Reads one file; nothing is checked yet but its form.
///
/// # Errors
/// [`ConfigError`].
pub(crate) fn read(path: &Path) -> Result<Node, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse(path, &text).map_err(ConfigError::Faults)
}
