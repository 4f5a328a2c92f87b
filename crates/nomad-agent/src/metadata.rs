//! The metadata of a node: its configuration, and the changes since.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use nomad_wire::client::NodeMetadata;

use crate::atomic_file;

/// Values by key.
type StaticMetadata = BTreeMap<String, String>;
/// Changes by key; `None` removes the key.
type Changes = BTreeMap<String, Option<String>>;

/// The metadata of a node. Changes are persisted in a file, if there is one.
#[derive(Debug)]
pub(crate) struct Metadata {
    static_metadata: StaticMetadata,
    file: Option<PathBuf>,
    dynamic: Mutex<Option<Changes>>,
}

impl Metadata {
    /// Metadata from the configuration and the changes that `file` holds. May block.
    pub(crate) fn open(fixed: StaticMetadata, file: Option<PathBuf>) -> io::Result<Self> {
        let dynamic = file.as_deref().map(read).transpose()?.flatten();
        Ok(Self { static_metadata: fixed, file, dynamic: Mutex::new(dynamic) })
    }

    /// The current metadata, and where it comes from.
    pub(crate) fn current(&self) -> NodeMetadata {
        NodeMetadata::merge(self.static_metadata.clone(), self.lock().clone())
    }

    /// Applies changes: all of them, or none if they cannot be persisted. May block.
    pub(crate) fn update(&self, changes: Changes) -> io::Result<NodeMetadata> {
        let mut dynamic = self.lock();
        let mut next = dynamic.clone().unwrap_or_default();
        for (key, value) in changes {
            if value.is_none() && !self.static_metadata.contains_key(&key) {
                next.remove(&key);
            } else {
                // Removing a static key leaves a tombstone.
                next.insert(key, value);
            }
        }
        if let Some(file) = &self.file {
            atomic_file::replace(file, &serde_json::to_vec(&next)?)?;
        }
        *dynamic = Some(next.clone());
        Ok(NodeMetadata::merge(self.static_metadata.clone(), Some(next)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Changes>> {
        // The map is replaced as a whole, so a poisoned lock holds a valid one.
        self.dynamic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &Path) -> io::Result<Option<Changes>> {
    match std::fs::read(file) {
        Ok(content) => Ok(Some(serde_json::from_slice(&content)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(pairs: &[(&str, Option<&str>)]) -> Changes {
        let pair =
            |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn static_keys_leave_tombstones_and_others_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("metadata.json");
        let fixed = StaticMetadata::from([("rack".to_owned(), "r1".to_owned())]);
        let open = || Metadata::open(fixed.clone(), Some(file.clone())).unwrap();
        let metadata = open();
        assert_eq!(metadata.current().dynamic, None);
        let set = changes(&[("rack", Some("r2")), ("team", Some("a"))]);
        let shown = metadata.update(set).unwrap();
        assert_eq!((shown.meta["rack"].as_str(), shown.fixed["rack"].as_str()), ("r2", "r1"));
        assert_eq!(open().current(), metadata.current(), "kept over a restart");
        let shown = metadata.update(changes(&[("rack", None), ("team", None)])).unwrap();
        assert_eq!(shown.dynamic, Some(changes(&[("rack", None)])));
        assert!(shown.meta.is_empty());
        assert_eq!(open().current(), metadata.current(), "tombstones are kept too");
    }

    #[test]
    fn what_cannot_be_kept_is_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let file = Some(blocked.join("metadata.json"));
        // Opening a path below a file fails with "not a directory"; the agent must not start as if nothing had been
        // persisted.
        assert!(Metadata::open(StaticMetadata::new(), file.clone()).is_err());
        let metadata =
            Metadata { static_metadata: StaticMetadata::new(), file, dynamic: Mutex::default() };
        assert!(metadata.update(changes(&[("a", Some("1"))])).is_err());
        assert_eq!(metadata.current().dynamic, None);
    }
}
