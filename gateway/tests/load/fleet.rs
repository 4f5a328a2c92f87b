//! Client agents in processes of their own, which die and come back at the same address.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use crate::callers::get;

/// What a caller must know of an agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentInfo {
    pub(crate) name: Arc<str>,
    pub(crate) node: Arc<str>,
    pub(crate) alloc: Arc<str>,
    /// It dies once in a while.
    pub(crate) may_die: bool,
}

pub(crate) struct ClientAgent {
    pub(crate) address: SocketAddr,
    info: AgentInfo,
    config: PathBuf,
    child: Child,
}

impl Drop for ClientAgent {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ClientAgent {
    pub(crate) async fn start(dir: &Path, number: usize) -> Self {
        let (name, alloc) =
            (format!("client{number}"), format!("1365190{number}-dd6d-35ce-5da0-5004769668b3"));
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = dir.join(format!("{name}.hcl"));
        let (data, port) = (dir.join(&name), address.port());
        let script = "n=0; while :; do n=$((n+1)); echo \\\"line $n\\\"; sleep 0.2; done";
        let text = format!(
            "name = \"{name}\"\ndata_dir = {data:?}\nlog_level = \"error\"\n\
             client {{\n  enabled = true\n  servers = [\"127.0.0.1:1\"]\n}}\nports {{\n  http = {port}\n}}\n\
             limits {{\n  http_max_conns_per_client = 0\n}}\n\
             allocation \"ticker\" {{\n  id = \"{alloc}\"\n  task \"tick\" {{\n    command = \"/bin/sh\"\n    \
             args = [\"-c\", \"{script}\"]\n    kill_timeout = \"100ms\"\n  }}\n}}\n"
        );
        fs::write(&config, text).unwrap();
        let child = spawn(&config);
        let answer = get(address, "/v1/agent/self").await.unwrap();
        let node = answer.json()["stats"]["client"]["node_id"].as_str().unwrap().into();
        let place =
            AgentInfo { name: name.into(), node, alloc: alloc.into(), may_die: number == 1 };
        Self { address, info: place, config, child }
    }

    pub(crate) fn info(&self) -> AgentInfo {
        self.info.clone()
    }

    /// Ends it as a failure of its machine would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again, and returns when it serves.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.config);
        assert_eq!(get(self.address, "/v1/agent/health").await.unwrap().status, 200);
    }
}

fn spawn(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    command.args(["agent", "--config"]).arg(config).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("http://"), "it does not serve: {line:?}");
    child
}
