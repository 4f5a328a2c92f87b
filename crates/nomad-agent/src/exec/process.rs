//! Processes with pipes, and processes with a terminal.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
};

use pty_process::{OwnedWritePty, Size};
use tokio::{
    io::{AsyncRead, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command as Program},
};

use super::{ExecCommand, SIGNAL_EXIT_BASE, message::ExecInput};
use crate::task::ProcessGroup;

/// What a terminal takes for the end of its input: Ctrl-D.
const END_OF_INPUT: u8 = 0x04;

/// An output of a process.
type OutputPipe = Box<dyn AsyncRead + Send + Unpin>;

/// A started process.
pub(super) struct ExecProcess {
    pub(super) child: Child,
    /// Dropping it ends every process of the command.
    pub(super) group: Option<ProcessGroup>,
    pub(super) stdin: Stdin,
    pub(super) stdout: Option<OutputPipe>,
    /// `None` with a terminal, which has a single output.
    pub(super) stderr: Option<OutputPipe>,
}

/// Where the client's input goes.
pub(super) enum Stdin {
    Pipe(Option<ChildStdin>),
    Terminal(OwnedWritePty),
}

pub(super) fn spawn(command: &ExecCommand) -> io::Result<ExecProcess> {
    let Some((program, args)) = command.argv.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut built = command.context.command(program);
    built.args(args);
    if command.tty { spawn_with_terminal(built) } else { spawn_with_pipes(built) }
}

fn spawn_with_pipes(mut program: Program) -> io::Result<ExecProcess> {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    Ok(ExecProcess {
        group: child.id().and_then(ProcessGroup::from_leader),
        stdin: Stdin::Pipe(child.stdin.take()),
        stdout: child.stdout.take().map(|pipe| Box::new(pipe) as OutputPipe),
        stderr: child.stderr.take().map(|pipe| Box::new(pipe) as OutputPipe),
        child,
    })
}

fn spawn_with_terminal(program: Program) -> io::Result<ExecProcess> {
    let (terminal, inner) = pty_process::open().map_err(into_io_error)?;
    // The process leads a session of its own, and therefore a group.
    let child = pty_process::Command::from(program).spawn(inner).map_err(into_io_error)?;
    let (output, input) = terminal.into_split();
    Ok(ExecProcess {
        group: child.id().and_then(ProcessGroup::from_leader),
        stdin: Stdin::Terminal(input),
        stdout: Some(Box::new(output)),
        stderr: None,
        child,
    })
}

/// Writes the client's input to the process. Errors are ignored: a closed input gets no more.
pub(super) async fn write_stdin(stdin: &mut Stdin, input: ExecInput) {
    match stdin {
        Stdin::Pipe(pipe) => {
            if let Some(open) = pipe
                && (open.write_all(&input.stdin).await.is_err() || input.close)
            {
                *pipe = None;
            }
        }
        Stdin::Terminal(terminal) => {
            if let Some((rows, columns)) = input.size {
                // A size that the terminal refuses changes nothing.
                drop(terminal.resize(Size::new(rows, columns)));
            }
            // An error means that the process has ended, which is reported separately.
            drop(terminal.write_all(&input.stdin).await);
            if input.close {
                drop(terminal.write_all(&[END_OF_INPUT]).await);
            }
        }
    }
}

/// The exit code, as a shell reports it.
pub(super) fn exit_code(exit: ExitStatus) -> i32 {
    let signal = exit.signal().map(|signal| SIGNAL_EXIT_BASE + signal);
    exit.code().or(signal).unwrap_or(SIGNAL_EXIT_BASE)
}

fn into_io_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
