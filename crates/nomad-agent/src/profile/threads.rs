//! A snapshot of this process's threads and of its runtime's tasks.

use std::{fmt::Write as _, fs, io};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::{Frame, Profile, Sample};

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    id: u32,
    name: String,
    /// As the kernel names it: `R`, `S`, `D`…
    state: char,
}

/// A snapshot of threads and tasks.
#[derive(Debug)]
pub(crate) struct RuntimeSnapshot {
    tasks: usize,
    workers: usize,
    queued: usize,
    threads: Vec<Thread>,
}

/// The threads of this process, ordered by id.
///
/// # Errors
/// When `/proc` cannot be read, as on systems other than Linux.
pub(crate) fn threads() -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        // A thread may end while the list is read.
        let stat = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        threads.extend(parse(&stat));
    }
    threads.sort_by_key(|thread| thread.id);
    Ok(threads)
}

/// Reads a line of `/proc/<pid>/task/<tid>/stat`: id, name in parentheses, state.
fn parse(line: &str) -> Option<Thread> {
    let (start, rest) = line.rsplit_once(')')?;
    let (id, name) = start.split_once(" (")?;
    let state = rest.trim_start().chars().next()?;
    Some(Thread { id: id.parse().ok()?, name: name.to_owned(), state })
}

impl Thread {
    fn state_name(&self) -> &'static str {
        match self.state {
            'R' => "running",
            'S' => "sleeping",
            'D' => "waiting for a disk",
            'T' | 't' => "stopped",
            'Z' | 'X' => "dead",
            'I' => "idle",
            _ => "unknown",
        }
    }

    fn frames(&self) -> Vec<Frame> {
        vec![Frame::named(self.state_name()), Frame::named(self.name.clone())]
    }
}

/// The threads, as the profile `threadcreate`.
impl FromIterator<Thread> for Profile {
    fn from_iter<I: IntoIterator<Item = Thread>>(threads: I) -> Self {
        let samples = threads.into_iter().map(|thread| Sample {
            stack: vec![Frame::named(thread.name.clone())],
            values: vec![1],
            thread: thread.name,
        });
        Self {
            kinds: vec![("threadcreate", "count")],
            samples: samples.collect(),
            timestamp: now_nanoseconds(),
            period: Some(("threadcreate", "count", 1)),
            ..Self::default()
        }
    }
}

impl RuntimeSnapshot {
    /// Takes a snapshot; tasks are counted only inside a tokio runtime.
    ///
    /// # Errors
    /// As [`threads`].
    pub(crate) fn capture(runtime: Option<&Handle>) -> io::Result<Self> {
        let metrics = runtime.map(Handle::metrics);
        let of =
            |count: fn(&tokio::runtime::RuntimeMetrics) -> usize| metrics.as_ref().map_or(0, count);
        Ok(Self {
            tasks: of(tokio::runtime::RuntimeMetrics::num_alive_tasks),
            workers: of(tokio::runtime::RuntimeMetrics::num_workers),
            queued: of(tokio::runtime::RuntimeMetrics::global_queue_depth),
            threads: threads()?,
        })
    }

    /// As a profile in which tasks and threads have roots of their own.
    pub(crate) fn to_profile(&self) -> Profile {
        let tasks = Sample {
            stack: vec![Frame::named("alive"), Frame::named("tokio tasks")],
            values: vec![i64::try_from(self.tasks).unwrap_or(i64::MAX)],
            thread: "any".to_owned(),
        };
        let threads = self.threads.iter().map(|thread| {
            let mut stack = thread.frames();
            stack.push(Frame::named("threads"));
            Sample { stack, values: vec![1], thread: thread.name.clone() }
        });
        Profile {
            kinds: vec![("goroutine", "count")],
            samples: std::iter::once(tasks).chain(threads).collect(),
            timestamp: now_nanoseconds(),
            period: Some(("goroutine", "count", 1)),
            ..Profile::default()
        }
    }

    /// As text, with Go's header line.
    pub(crate) fn to_text(&self) -> String {
        let total = self.tasks + self.threads.len();
        let mut out = format!("goroutine profile: total {total}\n{} @ tokio tasks\n", self.tasks);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "#\t{} workers, {} tasks in their common queue",
            self.workers, self.queued
        );
        let _ = writeln!(out, "{} @ threads", self.threads.len());
        write_threads(&mut out, &self.threads);
        out
    }
}

/// The threads as text, with Go's header line.
pub(crate) fn threads_text(threads: &[Thread]) -> String {
    let mut out = format!("threadcreate profile: total {}\n", threads.len());
    write_threads(&mut out, threads);
    out
}

fn write_threads(out: &mut String, threads: &[Thread]) {
    for thread in threads {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "#\t{}\t{}\t{}", thread.id, thread.name, thread.state_name());
    }
}

fn now_nanoseconds() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let thread = parse("17 (a) b (c) S 7 40 40 0").unwrap();
        assert_eq!(thread, Thread { id: 17, name: "a) b (c".to_owned(), state: 'S' });
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_thread_is_found_by_its_name() {
        let (send, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("looked-for".to_owned());
        let thread = thread.spawn(move || wait.recv().is_err()).unwrap();
        // A new thread sets its own name.
        while !threads().unwrap().iter().any(|thread| thread.name == "looked-for") {
            std::thread::yield_now();
        }
        drop(send);
        thread.join().unwrap();
    }
}
