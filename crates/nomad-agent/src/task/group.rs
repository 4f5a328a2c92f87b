//! A process group of its own, so that a task ends with everything it started.

use rustix::process::{Pid, Signal, kill_process_group};

/// The group of one task. Whoever drops it has ended every process in it.
#[derive(Debug)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group led by process `leader`.
    pub(crate) fn led_by(leader: u32) -> Option<Self> {
        let raw = i32::try_from(leader).ok()?;
        Pid::from_raw(raw).map(Self)
    }

    /// Asks every process of the group to end, with Nomad's default `kill_signal`.
    pub(crate) fn interrupt(&self) {
        self.send(Signal::INT);
    }

    fn send(&self, signal: Signal) {
        // A group without members answers "no such process", which is what is wanted.
        if let Err(error) = kill_process_group(self.0, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(group = self.0.as_raw_nonzero().get(), %error, "cannot signal the processes of a task");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.send(Signal::KILL);
    }
}
