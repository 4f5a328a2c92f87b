//! A log in memory, with writes, purges and deletions in every order.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::follow::{Chunk, DELETED, TRUNCATED};

/// The bytes of a file; shared with its open handles, as an inode is.
type Inode = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Clone, Default)]
struct MemoryLogs {
    files: Arc<Mutex<BTreeMap<i64, Inode>>>,
    /// Concurrent operations on the log: one before each read-only call of the reader, because every race is
    /// between two of these calls.
    meanwhile: Arc<Mutex<VecDeque<Act>>>,
    written: Arc<Mutex<String>>,
}

#[derive(Debug)]
struct MemoryFile {
    logs: MemoryLogs,
    index: i64,
    inode: Inode,
}

impl MemoryLogs {
    fn append(&self, index: i64, text: &str) {
        let inode = Arc::clone(self.files.lock().unwrap().entry(index).or_default());
        inode.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn cut(&self, index: i64) {
        self.files.lock().unwrap()[&index].lock().unwrap().clear();
    }

    fn delete(&self, index: i64) {
        self.files.lock().unwrap().remove(&index);
    }

    /// Appends to the newest file.
    fn write(&self, text: &str) {
        self.append(self.newest(), text);
        *self.written.lock().unwrap() += text;
    }

    fn act(&self, act: Act) {
        match act {
            Act::Write(text) => self.write(&text),
            Act::Rotate(by) => self.append(self.newest() + by, ""),
            Act::Delete => self.delete(self.newest()),
            Act::Steps(_) => {}
        }
    }

    fn something_happens(&self) {
        let act = self.meanwhile.lock().unwrap().pop_front();
        act.into_iter().for_each(|act| self.act(act));
    }

    fn newest(&self) -> i64 {
        self.files.lock().unwrap().last_key_value().map_or(0, |(&index, _)| index)
    }
}

impl GrowingFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.logs.something_happens();
        let inode = self.inode.lock().unwrap();
        let rest = inode.get(usize::try_from(position).unwrap()..).unwrap_or_default();
        // Short reads are what a real file gives while it grows.
        let read = rest.len().min(buffer.len()).min(3);
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn size(&self) -> io::Result<u64> {
        self.logs.something_happens();
        Ok(self.inode.lock().unwrap().len() as u64)
    }

    fn is_gone(&self) -> bool {
        self.logs.something_happens();
        let logs = self.logs.files.lock().unwrap();
        !logs.get(&self.index).is_some_and(|inode| Arc::ptr_eq(inode, &self.inode))
    }
}

impl LogFiles for MemoryLogs {
    type File = MemoryFile;

    fn list(&self) -> Result<Vec<LogFileInfo>, StreamError> {
        self.something_happens();
        let logs = self.files.lock().unwrap();
        let size = |inode: &Inode| inode.lock().unwrap().len() as u64;
        Ok(logs.iter().map(|(&index, inode)| LogFileInfo { index, size: size(inode) }).collect())
    }

    fn open(&self, index: i64) -> Result<Option<MemoryFile>, StreamError> {
        self.something_happens();
        let inode = self.files.lock().unwrap().get(&index).map(Arc::clone);
        Ok(inode.map(|inode| MemoryFile { logs: self.clone(), index, inode }))
    }

    fn name(&self, index: i64) -> String {
        format!("log.{index}")
    }

    fn missing_error(&self) -> StreamError {
        StreamError::NoLog { task: "web".into(), kind: "stdout" }
    }
}

fn tail(logs: &MemoryLogs, until: FollowMode) -> LogTail<MemoryLogs> {
    LogTail::open(logs.clone(), Origin::Start, 0, until).unwrap()
}

/// Steps until the end; returns text, events, and the last step.
fn drain(tail: &mut LogTail<MemoryLogs>) -> (String, Vec<&'static str>, Step) {
    let (mut text, mut events) = (Vec::new(), Vec::new());
    loop {
        match tail.step().unwrap() {
            Step::Read(Chunk { data, event, .. }) => {
                text.extend(data);
                events.extend(Some(event).filter(|event| !event.is_empty()));
            }
            last => return (String::from_utf8(text).unwrap(), events, last),
        }
    }
}

fn now(tail: &mut LogTail<MemoryLogs>) -> (String, Vec<&'static str>) {
    let (text, events, _) = drain(tail);
    (text, events)
}

fn text(text: &str) -> (String, Vec<&'static str>) {
    (text.to_owned(), Vec::new())
}

#[test]
fn without_following_all_files_are_one() {
    let logs = MemoryLogs::default();
    for (index, text) in [(0, "0"), (1, "1"), (2, "2")] {
        logs.append(index, text);
    }
    let read = drain(&mut tail(&logs, FollowMode::ToEnd));
    assert_eq!(read, ("012".to_owned(), Vec::new(), Step::End));
}

#[test]
fn the_last_bytes_before_a_rotation_are_read_and_gaps_do_not_matter() {
    let logs = MemoryLogs::default();
    for (index, text) in [(0, "0"), (1, "1"), (2, "2")] {
        logs.append(index, text);
    }
    let mut tail = tail(&logs, FollowMode::Forever);
    assert_eq!(now(&mut tail), text("012"));
    logs.append(2, "3");
    logs.append(13, "45");
    assert_eq!(now(&mut tail), text("345"));
}

#[test]
fn a_cut_file_begins_anew() {
    let logs = MemoryLogs::default();
    logs.append(0, "long ago");
    let mut tail = tail(&logs, FollowMode::Forever);
    assert_eq!(now(&mut tail), text("long ago"));
    logs.cut(0);
    assert_eq!(now(&mut tail), (String::new(), vec![TRUNCATED]));
    assert_eq!(now(&mut tail), text(""));
    logs.append(0, "ab");
    assert_eq!(now(&mut tail), text("ab"));
    logs.cut(0);
    logs.append(0, "c");
    let cut = tail.step().unwrap();
    let expected =
        Chunk { file: "log.0".into(), event: TRUNCATED, data: b"c".to_vec(), position: 1 };
    assert_eq!(cut, Step::Read(expected));
}

#[test]
fn a_deleted_file_is_told_once_and_then_what_comes_is_awaited() {
    let logs = MemoryLogs::default();
    logs.append(0, "old");
    logs.append(1, "new");
    let mut tail = tail(&logs, FollowMode::Forever);
    assert_eq!(now(&mut tail), text("oldnew"));
    logs.append(1, "er");
    logs.delete(1);
    // The last bytes arrive although the name is gone, and the older file is not read again.
    assert_eq!(now(&mut tail), ("er".to_owned(), vec![DELETED]));
    assert_eq!(now(&mut tail), text(""));
    logs.append(1, "anew");
    assert_eq!(now(&mut tail), text("anew"));
}

#[test]
fn a_file_that_was_deleted_and_written_anew_comes_before_a_later_one() {
    let logs = MemoryLogs::default();
    logs.append(0, "old");
    let mut tail = tail(&logs, FollowMode::Forever);
    assert_eq!(now(&mut tail), text("old"));
    logs.delete(0);
    logs.append(0, "anew");
    logs.append(1, "later");
    assert_eq!(now(&mut tail).0, "anewlater");
}

#[test]
fn when_every_file_is_gone_the_stream_fails() {
    let logs = MemoryLogs::default();
    logs.append(0, "x");
    let mut tail = tail(&logs, FollowMode::Forever);
    assert_eq!(now(&mut tail), text("x"));
    logs.delete(0);
    assert!(matches!(tail.step().unwrap(), Step::Read(Chunk { event: DELETED, .. })));
    let error = tail.step().unwrap_err().to_string();
    assert_eq!(error, r#"log entry for task "web" and log type "stdout" not found"#);
}

#[test]
fn a_log_without_files_is_not_found() {
    let missing =
        LogTail::open(MemoryLogs::default(), Origin::End, 0, FollowMode::Forever).unwrap_err();
    assert!(matches!(missing, StreamError::NoLog { .. }));
}

/// Concurrent operations.
#[derive(Debug, Clone)]
enum Act {
    Write(String),
    /// The writer continues in a later file.
    Rotate(i64),
    /// The live file is deleted.
    Delete,
    /// The reader takes this many steps.
    Steps(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => "[a-z]{1,8}".prop_map(Act::Write),
        2 => (1i64..4).prop_map(Act::Rotate),
        4 => (1usize..6).prop_map(Act::Steps),
    ];
    vec(act, 0..60)
}

fn writes_and_pauses() -> impl Strategy<Value = Vec<Act>> {
    vec(prop_oneof!["[a-z]{1,8}".prop_map(Act::Write), Just(Act::Steps(1))], 0..20)
}

proptest! {
    /// Property: in any order of writes, rotations and reads, a follower reads what was written, once, in order.
    #[test]
    fn no_byte_is_lost_and_none_doubled(acts in acts()) {
        let logs = MemoryLogs::default();
        logs.append(0, "");
        let mut tail = tail(&logs, FollowMode::Forever);
        let (mut written, mut seen) = (String::new(), Vec::new());
        for act in acts {
            match act {
                Act::Write(text) => {
                    logs.append(logs.newest(), &text);
                    written += &text;
                }
                Act::Rotate(_) | Act::Delete => logs.act(act),
                Act::Steps(steps) => {
                    for _ in 0..steps {
                        if let Step::Read(chunk) = tail.step().unwrap() {
                            prop_assert_eq!(chunk.event, "");
                            seen.extend(chunk.data);
                        }
                    }
                }
            }
        }
        let (rest, events) = now(&mut tail);
        prop_assert!(events.is_empty());
        seen.extend(rest.into_bytes());
        prop_assert_eq!(String::from_utf8(seen).unwrap(), written);
    }

    /// Property: a reader that keeps up loses nothing when old files are purged, including the one it reads.
    #[test]
    fn purging_what_was_read_is_not_noticed(acts in acts(), keep in 1usize..4) {
        let logs = MemoryLogs::default();
        logs.append(0, "");
        let mut tail = tail(&logs, FollowMode::Forever);
        let (mut written, mut seen) = (String::new(), String::new());
        for act in acts {
            match act {
                Act::Write(text) => {
                    logs.append(logs.newest(), &text);
                    written += &text;
                }
                Act::Rotate(by) => {
                    logs.append(logs.newest() + by, "");
                    let oldest: Vec<_> = logs.list().unwrap().iter().rev().skip(keep).map(|file| file.index).collect();
                    oldest.into_iter().for_each(|index| logs.delete(index));
                }
                Act::Delete | Act::Steps(_) => {}
            }
            let (text, events) = now(&mut tail);
            prop_assert!(events.is_empty());
            seen += &text;
        }
        prop_assert_eq!(seen, written);
    }

    /// Property: the same holds for any operation between any two calls of the reader.
    #[test]
    fn no_moment_is_a_bad_one_for_a_rotation(acts in acts()) {
        let logs = MemoryLogs::default();
        logs.append(0, "");
        logs.meanwhile.lock().unwrap().extend(acts);
        let mut tail = tail(&logs, FollowMode::Forever);
        let mut seen = String::new();
        while !logs.meanwhile.lock().unwrap().is_empty() {
            seen += &now(&mut tail).0;
        }
        seen += &now(&mut tail).0;
        prop_assert_eq!(seen, logs.written.lock().unwrap().clone());
    }

    /// Property: bytes written before a deletion are read, whenever it happens, and the deletion is reported once.
    #[test]
    fn no_moment_is_a_bad_one_for_a_deletion(writes in writes_and_pauses()) {
        let logs = MemoryLogs::default();
        logs.append(0, "");
        let mut acts = logs.meanwhile.lock().unwrap();
        acts.extend(writes);
        acts.push_back(Act::Delete);
        drop(acts);
        let Ok(mut tail) = LogTail::open(logs.clone(), Origin::Start, 0, FollowMode::Forever) else {
            // It was deleted before it was opened.
            return Ok(());
        };
        let (mut seen, mut events) = (Vec::new(), Vec::new());
        while let Ok(step) = tail.step() {
            if let Step::Read(chunk) = step {
                seen.extend(chunk.data);
                events.push(chunk.event);
            }
        }
        prop_assert_eq!(String::from_utf8(seen).unwrap(), logs.written.lock().unwrap().clone());
        prop_assert_eq!(events.iter().filter(|event| **event == DELETED).count(), 1);
    }
}
