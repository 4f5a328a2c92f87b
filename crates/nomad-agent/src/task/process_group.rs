//! A process group of its own, so that a task ends with everything it started.
//!
//! A process can leave its group, as daemons do. So before anything is killed the descendants that have left are noted,
//! by descriptors that can never mean another process. What a task had let go of before, by ending the process that
//! connects the two, cannot be found any more.
//!
//! An agent that is killed drops nothing; then `watchdog` ends the group.

use std::os::fd::OwnedFd;

use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal,
    },
};

use super::watchdog;
use crate::process;

/// The group of one task. Whoever drops it has ended every process in it.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    id: Pid,
    /// Descendants of the task outside of its group.
    strays: Vec<OwnedFd>,
}

impl ProcessGroup {
    /// The group led by process `leader`.
    pub(crate) fn from_leader(leader: u32) -> Option<Self> {
        let id = Pid::from_raw(i32::try_from(leader).ok()?)?;
        watchdog::register(id);
        Some(Self { id, strays: Vec::new() })
    }

    /// Asks every process of the group to end, with Nomad's default `kill_signal`.
    pub(crate) fn interrupt(&mut self) {
        // A stray is lost from sight as soon as its parent has ended.
        self.record_strays();
        self.send(Signal::INT);
    }

    /// Sends a signal to the leader alone. It must not have been reaped yet.
    pub(crate) fn signal_leader(&self, signal: Signal) -> Result<(), Errno> {
        kill_process(self.id, signal)
    }

    fn record_strays(&mut self) {
        let leader = self.id.as_raw_nonzero().get().unsigned_abs();
        match process::process_tree(leader) {
            Ok(tree) => {
                let strays = tree.values().filter(|process| process.group != leader);
                self.strays.extend(strays.filter_map(open_pidfd));
            }
            Err(error) => {
                tracing::warn!(group = leader, %error, "cannot look for processes that left a task");
            }
        }
    }

    fn send(&self, signal: Signal) {
        // A group without members answers "no such process", which is what is wanted.
        if let Err(error) = kill_process_group(self.id, signal)
            && error != Errno::SRCH
        {
            let group = self.id.as_raw_nonzero().get();
            tracing::warn!(group, %error, "cannot signal the processes of a task");
        }
    }
}

/// A descriptor of exactly this process, unless it has ended.
fn open_pidfd(process: &process::Process) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(process.pid).ok()?)?;
    let held = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    // The id may have got a new owner between the look and the opening; the beginning tells them apart.
    (process::read_process(process.pid)?.start_time == process.start_time).then_some(held)
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.record_strays();
        self.send(Signal::KILL);
        for stray in &self.strays {
            // It may have ended by itself, which is as good.
            let _ = pidfd_send_signal(stray, Signal::KILL);
        }
        watchdog::unregister(self.id);
    }
}
