//! The real follower on real files, with concurrent writes, purges, truncations and deletions.
//!
//! The log consists of numbered records of one width, so a missing or repeated record is visible. A model knows the
//! records in every file, and notes which of them the follower is excused from reading: those in a file that was
//! truncated or deleted before they were read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use nomad_wire::query::Origin;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::follow::{Follow, FollowMode, LogTail, Step};
use crate::task::{LogLimits, LogRotator};

/// `00042\n`
const WIDTH: usize = 6;

#[derive(Debug, Clone)]
enum Act {
    /// The task writes this many records.
    Write(u32),
    /// The follower takes this many steps.
    Steps(usize),
    /// The follower reads to the end.
    CatchUp,
    /// One of the files is truncated.
    Cut(usize),
    /// One of the files is deleted.
    Delete(usize),
    /// The task ends, and its next run opens the log again.
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (1u32..6).prop_map(Act::Write),
        4 => (1usize..4).prop_map(Act::Steps),
        3 => Just(Act::CatchUp),
        1 => (0usize..4).prop_map(Act::Cut),
        1 => (0usize..4).prop_map(Act::Delete),
        1 => Just(Act::Reopen),
    ];
    vec(act, 0..40)
}

fn origins() -> impl Strategy<Value = (Origin, i64)> {
    let origin = prop_oneof![Just(Origin::Start), Just(Origin::End)];
    (origin, (-12i64..12).prop_map(|records| records * WIDTH as i64))
}

struct World {
    _dir: tempfile::TempDir,
    logs: PathBuf,
    root: PathBuf,
    limits: LogLimits,
    writer: LogRotator,
    next: u32,
    /// The records in each existing file, by index, without those from before a truncation.
    files: BTreeMap<u64, Vec<u32>>,
    /// Records that may be missing.
    excused: BTreeSet<u32>,
    /// Files that were truncated since the follower last read to the end. Bytes written to them now may be taken
    /// for the earlier ones.
    doubtful: BTreeSet<u64>,
    /// The highest index so far. After every file has been deleted the next run of the task starts at 0 again, and
    /// a follower does not go back to a lower index.
    highest: u64,
}

impl World {
    fn new(max_files: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let logs = root.join("alloc/logs");
        fs::create_dir_all(&logs).unwrap();
        let limits = LogLimits {
            max_files: NonZeroUsize::new(max_files).unwrap(),
            max_file_size: 4 * WIDTH as u64,
        };
        let writer = LogRotator::open(&logs, "web.stdout.".into(), limits).unwrap();
        let mut world = Self {
            _dir: dir,
            logs,
            root,
            limits,
            writer,
            next: 0,
            files: BTreeMap::new(),
            excused: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            highest: 0,
        };
        world.look();
        world
    }

    /// Reads the records of each file from the disk, as a listing would show them.
    fn look(&mut self) {
        let mut now = BTreeMap::new();
        for entry in fs::read_dir(&self.logs).unwrap() {
            let entry = entry.unwrap();
            let index = entry.file_name().to_str().unwrap().rsplit('.').next().unwrap().parse();
            let text = fs::read_to_string(entry.path()).unwrap();
            now.insert(index.unwrap(), text.lines().map(|line| line.parse().unwrap()).collect());
        }
        self.files = now;
        self.highest = self.files.keys().copied().fold(self.highest, u64::max);
    }

    fn allow_missing_file(&mut self, index: u64) {
        let gone = self.files.get(&index).cloned().unwrap_or_default();
        self.excused.extend(gone);
    }

    fn write(&mut self, records: u32) {
        for _ in 0..records {
            let record = self.next;
            self.next += 1;
            let before: Vec<u64> = self.files.keys().copied().collect();
            self.writer.write(format!("{record:05}\n").as_bytes()).unwrap();
            let old = self.files.clone();
            self.look();
            // The follower may not have read a file that the writer purged.
            for index in before.iter().filter(|index| !self.files.contains_key(index)) {
                self.excused.extend(old[index].clone());
            }
            let home = self.files.iter().find(|(_, records)| records.contains(&record));
            match home.map(|(&index, _)| index) {
                // It went into a file that has been deleted.
                None => drop(self.excused.insert(record)),
                Some(index) if self.doubtful.contains(&index) || index < self.highest => {
                    self.excused.insert(record);
                }
                Some(_) => {}
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Write(records) => self.write(*records),
            Act::Cut(at) => {
                if let Some(&index) = self.files.keys().nth(*at) {
                    self.allow_missing_file(index);
                    self.doubtful.insert(index);
                    let file = self.logs.join(format!("web.stdout.{index}"));
                    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap();
                    self.look();
                }
            }
            Act::Delete(at) => {
                if let Some(&index) = self.files.keys().nth(*at) {
                    self.allow_missing_file(index);
                    fs::remove_file(self.logs.join(format!("web.stdout.{index}"))).unwrap();
                    self.look();
                }
            }
            Act::Reopen => {
                self.writer =
                    LogRotator::open(&self.logs, "web.stdout.".into(), self.limits).unwrap();
                self.look();
            }
            Act::Steps(_) | Act::CatchUp => {}
        }
    }

    /// The records that a follower starting now must read, found without counting files.
    fn begin(&self, origin: Origin, offset: i64) -> Vec<u32> {
        let all: Vec<u32> = self.files.values().flatten().copied().collect();
        let records = usize::try_from(offset.unsigned_abs()).unwrap() / WIDTH;
        let oldest = self.files.first_key_value().map_or(0, |(_, records)| records.len());
        let newest = self.files.last_key_value().map_or(0, |(_, records)| records.len());
        let skipped = match (origin, offset) {
            (Origin::Start, 0..) => records,
            (Origin::Start, _) => oldest.saturating_sub(records),
            (Origin::End, 1..) => all.len().saturating_sub(records),
            (Origin::End, _) => all.len() - newest + records.min(newest),
        };
        all[skipped.min(all.len())..].to_vec()
    }

    fn follow(&self, origin: Origin, offset: i64) -> LogTail<DiskLogs> {
        let files = Files::new(self.root.clone(), vec!["web".to_owned()]);
        let logs = DiskLogs::new(files, "web", "stdout");
        LogTail::open(logs, origin, offset, FollowMode::Forever).unwrap()
    }
}

/// The records that a follower has read.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    over: bool,
}

impl Seen {
    /// Takes one step; false at the end.
    fn step(&mut self, tail: &mut LogTail<DiskLogs>) -> bool {
        match tail.step() {
            Ok(Step::Read(chunk)) => {
                self.bytes.extend(chunk.data);
                true
            }
            Ok(Step::Wait | Step::End) => false,
            Err(error) => {
                assert!(matches!(error, StreamError::NoLog { .. }), "{error}");
                self.over = true;
                false
            }
        }
    }

    fn records(&self) -> Vec<u32> {
        let text = str::from_utf8(&self.bytes).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Property: from any start position, and with any concurrent operations, a follower reads every record once
    /// and in order, except those that were truncated or deleted before it could.
    #[test]
    fn no_record_is_lost_or_doubled(
        before in acts(),
        beside in acts(),
        max_files in 1usize..5,
        (origin, offset) in origins(),
    ) {
        let mut world = World::new(max_files);
        before.iter().for_each(|act| world.act(act));
        if world.files.is_empty() {
            return Ok(());
        }
        // Earlier records are not expected.
        world.excused.clear();
        world.doubtful.clear();
        let mut expected = world.begin(origin, offset);
        let first = world.next;
        let mut tail = world.follow(origin, offset);
        let mut seen = Seen::default();
        for act in beside.iter().chain([&Act::CatchUp]) {
            if seen.over {
                break;
            }
            match act {
                Act::Steps(steps) => drop((0..*steps).all(|_| seen.step(&mut tail))),
                Act::CatchUp => {
                    while seen.step(&mut tail) {}
                    world.doubtful.clear();
                }
                act => world.act(act),
            }
        }
        let records = seen.records();
        prop_assert!(records.windows(2).all(|pair| pair[0] < pair[1]), "{records:?}");
        if !seen.over {
            expected.extend(first..world.next);
            expected.retain(|record| !world.excused.contains(record) || records.contains(record));
            prop_assert_eq!(records, expected);
        }
    }
}
