//! A process group per task, so that a task ends with everything it started.
//!
//! A process can leave its group, as daemons do. So before anything is killed, the descendants outside the group
//! are recorded as pidfds, which can never refer to another process. A daemon whose connecting parent ended before
//! that cannot be found any more.
//!
//! An agent that is killed runs no destructors; then `watchdog` ends the group.

use std::os::fd::OwnedFd;

use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal,
    },
};

use super::watchdog;
use crate::process;

/// The group of one task. Dropping it ends every process in it.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    id: Pid,
    /// Descendants of the task outside its group.
    strays: Vec<OwnedFd>,
}

impl ProcessGroup {
    /// The group led by process `leader`.
    pub(crate) fn from_leader(leader: u32) -> Option<Self> {
        let id = Pid::from_raw(i32::try_from(leader).ok()?)?;
        watchdog::register(id);
        Some(Self { id, strays: Vec::new() })
    }

    /// Interrupts every process of the group (SIGINT, Nomad's default `kill_signal`).
    pub(crate) fn interrupt(&mut self) {
        // A descendant outside the group can no longer be found once its parent has ended.
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
                tracing::warn!(group = leader, %error, "cannot find processes that left the group of a task");
            }
        }
    }

    fn send(&self, signal: Signal) {
        // An empty group yields "no such process", which is the goal.
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
    // The id may have been reused between the lookup and the opening; the start time tells.
    (process::read_process(process.pid)?.start_time == process.start_time).then_some(held)
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.record_strays();
        self.send(Signal::KILL);
        for stray in &self.strays {
            // It may have ended by itself.
            let _ = pidfd_send_signal(stray, Signal::KILL);
        }
        watchdog::unregister(self.id);
    }
}
