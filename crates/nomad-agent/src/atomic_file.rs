//! Atomically replaced files: readers see the old content or the new, never a part.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The agent's files hold the secrets of its tasks.
const OWNER_ONLY: u32 = 0o600;

/// Replaces `file` with `content`. After a crash at any moment it holds the old content or the new.
///
/// Only one writer may work on a file at a time.
pub(crate) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let directory = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    let beside = directory.join(beside);
    // A file left by a crash may have wider permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().create_new(true).write(true).mode(OWNER_ONLY).open(&beside)?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    // The new name is durable only once the directory is synced.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_new_content_takes_the_place_of_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/down/state.json");
        replace(&file, b"one").unwrap();
        // A leftover of a crash is no obstacle.
        fs::write(dir.path().join("deep/down/.state.json.new"), "half of someth").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}
