//! `acl lint`: what a server would say to these files, and what they do not do.

use nomad_acl::lint;

use super::{AclError, read};
use crate::{cli::LintArgs, console::say};

pub(super) fn run(args: &LintArgs) -> Result<u8, AclError> {
    let mut found = Vec::new();
    for file in &args.files {
        found.push(lint(Some(&file.display().to_string()), &read(file)?));
    }
    if args.json {
        let list: Vec<_> = found.iter().map(nomad_acl::Lint::to_json).collect();
        say(&format!("{:#}\n", serde_json::Value::Array(list)));
    } else {
        found.iter().for_each(|lint| say(&lint.to_string()));
        let (errors, warnings) = (
            found.iter().filter(|lint| lint.error.is_some()).count(),
            found.iter().map(|lint| lint.warnings.len()).sum::<usize>(),
        );
        say(&format!("{} files, {errors} errors, {warnings} warnings\n", found.len()));
    }
    Ok(u8::from(found.iter().any(|lint| lint.error.is_some())))
}
