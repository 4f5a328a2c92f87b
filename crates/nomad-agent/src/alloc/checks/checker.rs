//! One run of one check.

use std::{io, net::Ipv4Addr, path::Path, process::Stdio};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nomad_wire::json::lossy_string;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::task::{Check, CheckType, ProcessGroup, TaskContext};

/// Output limit of a check, as in Nomad.
const MAX_OUTPUT: usize = 3 * 1024;

/// The outcome of one run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckOutcome {
    pub(super) success: bool,
    /// The status of an HTTP response, otherwise 0.
    pub(super) status: u16,
    pub(super) output: String,
}

/// Runs a check once.
pub(super) async fn run_check(check: &Check, plan: &TaskContext) -> CheckOutcome {
    let probe = async {
        match &check.probe {
            CheckType::Tcp { port } => connect_tcp(*port).await,
            CheckType::Http { port, path } => get_http(*port, path).await,
            CheckType::Script { command, args } => run_script(plan, command, args).await,
        }
    };
    match timeout(check.timeout, probe).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => CheckOutcome { success: false, status: 0, output: error.to_string() },
        Err(late) => CheckOutcome { success: false, status: 0, output: late.to_string() },
    }
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
}

async fn connect_tcp(port: u16) -> io::Result<CheckOutcome> {
    drop(connect(port).await?);
    Ok(CheckOutcome { success: true, status: 0, output: "nomad: tcp ok".to_owned() })
}

async fn get_http(port: u16, path: &str) -> io::Result<CheckOutcome> {
    let socket = TokioIo::new(connect(port).await?);
    let (mut sender, connection) = http1::handshake(socket).await.map_err(io::Error::other)?;
    let request = Request::get(path)
        .header(HOST, format!("{}:{port}", Ipv4Addr::LOCALHOST))
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, mut body) = answer.into_parts();
        let mut said = Vec::new();
        while said.len() < MAX_OUTPUT
            && let Some(Ok(frame)) = body.frame().await
        {
            said.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        said.truncate(MAX_OUTPUT);
        let success = head.status.is_success();
        let output = if success { "nomad: http ok".to_owned() } else { lossy_string(&said) };
        Ok(CheckOutcome { success, status: head.status.as_u16(), output })
    };
    // The connection ends with the exchange, which sees its errors as well.
    let (outcome, _) = tokio::join!(exchange, connection);
    outcome
}

async fn run_script(
    plan: &TaskContext,
    command: &Path,
    args: &[String],
) -> io::Result<CheckOutcome> {
    let mut child = plan
        .command(command)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    // What it started ends with it, also when a run times out.
    let _group = child.id().and_then(ProcessGroup::from_leader);
    let output = child.stdout.take();
    let said = async {
        match output {
            Some(pipe) => read_prefix(pipe).await,
            None => Ok(Vec::new()),
        }
    };
    let said = said.await?;
    let exit = child.wait().await?;
    Ok(CheckOutcome { success: exit.success(), status: 0, output: lossy_string(&said) })
}

/// Reads to the end and keeps the beginning, so that a check with much output does not block on a full pipe.
async fn read_prefix(mut pipe: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut pipe).take(MAX_OUTPUT as u64).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(kept)
}
