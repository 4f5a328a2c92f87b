//! The directory of an allocation, laid out as Nomad lays it out.
//!
//! ```text
//! <alloc id>/alloc/{data,logs,tmp}        shared by the tasks
//! <alloc id>/<task>/{local,tmp}           of one task
//! <alloc id>/<task>/{secrets,private}     of one task, closed to all others
//! ```

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Tasks may run as any user, and Nomad lets all of them write to their directories.
const SHARED_MODE: u32 = 0o777;
/// As `/tmp`: shared by users, sticky.
const TMP_MODE: u32 = 0o1777;
/// Secrets are for the owner alone.
const PRIVATE_MODE: u32 = 0o700;
/// The directory of the allocation itself.
const ROOT_MODE: u32 = 0o755;

/// The directory of one allocation.
#[derive(Debug, Clone)]
pub struct AllocDir {
    root: PathBuf,
}

impl AllocDir {
    /// Creates the directories of the allocation `id` and its `tasks` below `base`. Existing ones stay.
    ///
    /// # Errors
    /// The file system's error, or `InvalidInput` for a name that is not a plain file name.
    pub fn create<'a>(
        base: &Path,
        id: &str,
        tasks: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<Self> {
        create_base(base)?;
        // The path checks of the file calls compare paths, so the root must be free of links.
        let root = fs::canonicalize(base)?.join(check_name(id)?);
        create_dir(&root, ROOT_MODE)?;
        let shared = root.join("alloc");
        create_dir(&shared, SHARED_MODE)?;
        for name in ["data", "logs", "tmp"] {
            create_dir(&shared.join(name), SHARED_MODE)?;
        }
        for task in tasks {
            let home = root.join(check_name(task)?);
            create_dir(&home, SHARED_MODE)?;
            for (name, mode) in [
                ("local", SHARED_MODE),
                ("secrets", PRIVATE_MODE),
                ("private", PRIVATE_MODE),
                ("tmp", TMP_MODE),
            ] {
                create_dir(&home.join(name), mode)?;
            }
        }
        Ok(Self { root })
    }

    /// The directory itself: absolute, and free of symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of all tasks' logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("alloc").join("logs")
    }

    /// The directory of one task.
    #[must_use]
    pub fn task(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// A name that is one path component, so that no task can name another one's directory.
fn check_name(name: &str) -> io::Result<&str> {
    let refused = name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']);
    if refused {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not a plain file name"),
        ));
    }
    Ok(name)
}

/// Creates the directory below which all allocations are.
pub(crate) fn create_base(base: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(ROOT_MODE).create(base)
}

/// Creates one directory with exactly this mode, whatever the umask of the process.
fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_layout_is_nomads() {
        let base = tempfile::tempdir().unwrap();
        let dir = AllocDir::create(base.path(), "the-id", ["web"]).unwrap();
        let modes = [
            "alloc",
            "alloc/data",
            "alloc/logs",
            "alloc/tmp",
            "web",
            "web/local",
            "web/tmp",
            "web/secrets",
            "web/private",
        ]
        .map(|path| mode(&dir.root().join(path)));
        assert_eq!(modes, [0o777, 0o777, 0o777, 0o777, 0o777, 0o777, 0o1777, 0o700, 0o700]);
        assert_eq!(dir.logs(), dir.root().join("alloc/logs"));
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        let base = tempfile::tempdir().unwrap();
        for task in ["..", "", "a/b", "/etc", ".hidden"] {
            let refused = AllocDir::create(base.path(), "the-id", [task]).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{task}");
        }
    }
}
