//! `acl lint`: what a server would say to these files, and what they do not do.

use nomad_acl::lint;

use super::{AclError, read_file};
use crate::{commands::cli::LintArgs, logging::console::print};

pub(super) fn run(args: &LintArgs) -> Result<u8, AclError> {
    let mut found = Vec::new();
    for file in &args.files {
        found.push(lint(Some(&file.display().to_string()), &read_file(file)?));
    }
    if args.json {
        let list: Vec<_> = found.iter().map(nomad_acl::LintReport::to_json).collect();
        print(&format!("{:#}\n", serde_json::Value::Array(list)));
    } else {
        found.iter().for_each(|lint| print(&lint.to_string()));
        let (errors, warnings) = (
            found.iter().filter(|lint| lint.error.is_some()).count(),
            found.iter().map(|lint| lint.warnings.len()).sum::<usize>(),
        );
        print(&format!("{} files, {errors} errors, {warnings} warnings\n", found.len()));
    }
    Ok(u8::from(found.iter().any(|lint| lint.error.is_some())))
}
