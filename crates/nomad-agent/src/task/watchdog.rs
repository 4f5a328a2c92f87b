//! A watchdog process that ends the tasks' processes when this process has ended without doing so.
//!
//! A killed process runs no cleanup, and the kernel signals the parent's death only to children that requested it.
//! So a shell gets every process group over a pipe whose write end only this process holds. The pipe closes when
//! this process ends for any reason, and the shell kills the remaining groups.
//!
//! It does not find a process that left its group: only a living agent searches for those.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::Pid;

/// Lines are `+ GROUP` and `- GROUP`. A signal to this process must not reach the shell before the pipe closes.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in
         *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
       esac ;;
  esac
done
for group in $groups; do
  kill -s KILL -- "-$group"
done
"#;

static WATCHDOG: Mutex<Watchdog> =
    Mutex::new(Watchdog { groups: BTreeSet::new(), shell: None, is_missing: false });

/// The shell, and the groups sent to it.
struct Watchdog {
    groups: BTreeSet<i32>,
    shell: Option<Shell>,
    /// There is no shell on this host, and that has been logged.
    is_missing: bool,
}

struct Shell {
    process: Child,
    pipe: ChildStdin,
}

/// Kills this group when the process ends before `unregister`.
pub(super) fn register(group: Pid) {
    let group = group.as_raw_nonzero().get();
    let mut watchdog = lock();
    watchdog.groups.insert(group);
    watchdog.send('+', group);
}

/// The group has ended.
pub(super) fn unregister(group: Pid) {
    let group = group.as_raw_nonzero().get();
    let mut watchdog = lock();
    watchdog.groups.remove(&group);
    watchdog.send('-', group);
}

fn lock() -> MutexGuard<'static, Watchdog> {
    // A panic while the lock was held leaves a valid set.
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    /// Sends a line to the shell; starts another one if it is gone.
    fn send(&mut self, sign: char, group: i32) {
        if let Some(shell) = &mut self.shell
            && writeln!(shell.pipe, "{sign} {group}").is_ok()
        {
            return;
        }
        if let Some(mut gone) = self.shell.take() {
            // It cannot be written to because it has ended; this only reaps it.
            drop(gone.process.wait());
        }
        if self.groups.is_empty() {
            return;
        }
        match Shell::start(&self.groups) {
            Ok(shell) => self.shell = Some(shell),
            Err(error) if !self.is_missing => {
                self.is_missing = true;
                tracing::warn!(%error, "no shell: tasks will outlive this process if it is killed");
            }
            Err(_) => {}
        }
    }
}

impl Shell {
    fn start(groups: &BTreeSet<i32>) -> io::Result<Self> {
        let mut process = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "nomad-agent-watchdog"])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Signals from a terminal to this process's group must not reach it.
            .process_group(0)
            .spawn()?;
        let mut pipe = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let lines: String = groups.iter().map(|group| format!("+ {group}\n")).collect();
        pipe.write_all(lines.as_bytes())?;
        Ok(Self { process, pipe })
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::*;

    fn sleeper() -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 & wait"]).stdin(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    #[test]
    fn groups_that_are_left_end_with_the_pipe_and_others_do_not() {
        let mut children = [sleeper(), sleeper(), sleeper()];
        let [first, second, third] = children.each_ref().map(|child| child.id().cast_signed());
        let mut shell = Shell::start(&BTreeSet::from([first, second])).unwrap();
        for line in [format!("- {first}"), format!("+ {third}"), "- 7".to_owned()] {
            writeln!(shell.pipe, "{line}").unwrap();
        }
        drop(shell.pipe);
        assert!(shell.process.wait().unwrap().success());
        let [released, killed @ ..] = &mut children;
        for child in killed {
            assert_eq!(child.wait().unwrap(), ExitStatus::from_raw(9));
        }
        assert!(released.try_wait().unwrap().is_none());
        let group = Pid::from_child(released);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        released.wait().unwrap();
    }
}
