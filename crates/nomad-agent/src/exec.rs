//! A command in a task's context: its process, and the messages about it.
//!
//! ```text
//!   {"stdin":…} {"tty_size":…}                 {"stdout":…} {"stderr":…} {"exited":true,…}
//!  client ───────────────────────► process ───────────────────────────────────► client
//! ```
//!
//! The process has a group of its own (with a terminal, a session of its own) that ends with the exec session,
//! whichever side ends it: the process exits, the client disconnects, or the task ends. Processes it left behind in
//! the group end with it.

mod message;
mod process;

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Buf as _;
use http_body_util::BodyExt as _;
use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Child,
    sync::watch,
    time::sleep,
};

use self::{
    message::{ExecInput, OutputStream},
    process::{ExecProcess, Stdin},
};
use crate::{
    body::ChunkSender,
    error::AgentError,
    request_body::RequestBody,
    task::{Phase, ProcessGroup, TaskContext, TaskState},
};

/// Output per message, as in Nomad.
const MAX_OUTPUT: usize = 1024;

/// How long to wait for more output once the process has ended. Only a process that left the group can hold a pipe
/// open for longer.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Added to the number of the signal that ended a process, as a shell does.
const SIGNAL_EXIT_BASE: i32 = 128;

/// A command, and where to run it.
#[derive(Debug)]
pub(crate) struct ExecCommand {
    /// The program and its arguments; never empty.
    pub(crate) argv: Vec<String>,
    /// Whether it gets a terminal.
    pub(crate) tty: bool,
    /// The task in whose context it runs.
    pub(crate) context: Arc<TaskContext>,
    /// That task's state: the command ends with the task.
    pub(crate) state: watch::Receiver<TaskState>,
}

/// Runs a command until it has ended and all messages about it are sent, or until `input` ends.
///
/// # Errors
/// When it could not be started.
///
/// # Cancel safety
/// Can be dropped at any time; the processes end with it.
pub(crate) async fn run<B: RequestBody>(
    command: ExecCommand,
    input: B,
    to: ChunkSender,
) -> Result<(), AgentError> {
    let started = process::spawn(&command).map_err(|error| {
        AgentError::internal(format!("failed to start {}: {error}", command.argv[0]))
    })?;
    let ExecProcess { child, group, stdin, stdout, stderr } = started;
    let (over, ended) = watch::channel(false);
    let outputs = async {
        tokio::join!(
            copy_output(stdout, OutputStream::Stdout, &to, ended.clone()),
            copy_output(stderr, OutputStream::Stderr, &to, ended.clone()),
        );
    };
    let mut outputs = pin!(outputs);
    let mut feeding = pin!(write_input(input, stdin));
    let mut living = pin!(wait_for_exit(child, group, command.state));
    let mut complete = false;
    let code = loop {
        tokio::select! {
            code = &mut living => break code,
            () = &mut outputs, if !complete => complete = true,
            // The reader is gone.
            () = &mut feeding => return Ok(()),
        }
    };
    over.send_replace(true);
    while !complete {
        tokio::select! {
            () = &mut outputs => complete = true,
            () = &mut feeding => return Ok(()),
        }
    }
    to.send(message::exit_message(code)).await;
    Ok(())
}

/// Waits for the end of the process, which the end of its task causes as well; its group has ended then.
async fn wait_for_exit(
    mut child: Child,
    group: Option<ProcessGroup>,
    mut task: watch::Receiver<TaskState>,
) -> i32 {
    let exit = tokio::select! {
        exit = child.wait() => exit,
        () = wait_for_task_end(&mut task) => {
            drop(group);
            child.wait().await
        }
    };
    exit.ok().map_or(SIGNAL_EXIT_BASE + Signal::KILL.as_raw(), process::exit_code)
}

/// Waits until the task no longer runs.
async fn wait_for_task_end(task: &mut watch::Receiver<TaskState>) {
    // An error means that the task was dropped.
    drop(task.wait_for(|state| state.phase != Phase::Running).await);
}

/// Copies one output of the process, then sends its close message.
async fn copy_output(
    from: Option<impl AsyncRead + Unpin>,
    kind: OutputStream,
    to: &ChunkSender,
    mut ended: watch::Receiver<bool>,
) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; MAX_OUTPUT];
    loop {
        let read = tokio::select! {
            biased;
            read = from.read(&mut buffer) => read,
            () = wait_for_silence(&mut ended) => break,
        };
        // Reading a terminal whose processes are gone is an error.
        let Ok(read @ 1..) = read else { break };
        to.send(kind.data_message(&buffer[..read])).await;
    }
    to.send(kind.close_message()).await;
}

async fn wait_for_silence(ended: &mut watch::Receiver<bool>) {
    drop(ended.wait_for(|&ended| ended).await);
    sleep(OUTPUT_DRAIN_TIMEOUT).await;
}

/// Copies the client's input to the process until the input ends.
async fn write_input<B: RequestBody>(input: B, mut stdin: Stdin) {
    let mut input = pin!(input);
    while let Some(Ok(frame)) = input.frame().await {
        let Ok(mut data) = frame.into_data() else { continue };
        let message = data.copy_to_bytes(data.remaining());
        match ExecInput::parse(&message) {
            Some(input) => process::write_stdin(&mut stdin, input).await,
            None => return,
        }
    }
}
