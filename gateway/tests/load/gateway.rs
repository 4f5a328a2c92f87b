//! The gateway in a process of its own, and what it holds.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::callers::get;

/// Within this time everything that callers left behind is gone.
const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that wait for their next request, an agent; the gateway keeps no more.
const IDLE_PER_AGENT: usize = 32;

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    child: Child,
    agents: usize,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceUsage {
    /// Memory that is really there, in KiB.
    memory: usize,
    /// Open sockets and files.
    files: usize,
}

/// Before and after.
pub(crate) struct UsageComparison(ResourceUsage, ResourceUsage);

impl Gateway {
    /// In front of these servers.
    pub(crate) fn start(dir: &Path, servers: &[SocketAddr]) -> Self {
        let config = dir.join("gateway.hcl");
        let urls: Vec<_> = servers.iter().map(|address| format!("\"http://{address}\"")).collect();
        let named = servers.iter().enumerate();
        let named = named.map(|(n, address)| format!("  server{} = \"http://{address}\"\n", n + 1));
        let text = format!(
            "log_level = \"error\"\nnomad {{\n  addresses = [{}]\n}}\nservers {{\n{}}}\n\
             limits {{\n  connections_per_agent = 2000\n}}\n",
            urls.join(", "),
            named.collect::<String>(),
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NOMAD_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut banner = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut banner).unwrap();
        let (_, rest) = banner.split_once("http://").unwrap();
        let (address, _) = rest.split_once(": ").unwrap();
        Self { address: address.parse().unwrap(), child, agents: servers.len() + crate::CLIENTS }
    }

    /// What it holds when the last caller has left and nothing is under way.
    pub(crate) async fn usage_at_rest(&self) -> ResourceUsage {
        let since = Instant::now();
        loop {
            let metrics = get(self.address, "/v1/gateway/metrics").await.unwrap().text();
            let open =
                metrics.lines().filter(|line| line.starts_with("nomad_gateway_streams_open{"));
            // The answer with the numbers is under way itself.
            let open: Vec<_> = open.filter(|line| !line.ends_with(" 0")).collect();
            let held = self.usage();
            if open.len() <= 1 && held.files <= 64 + IDLE_PER_AGENT * self.agents {
                return held;
            }
            assert!(since.elapsed() < REST_TIMEOUT, "still open: {open:?}, {held:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn usage(&self) -> ResourceUsage {
        let id = self.child.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
        ResourceUsage { memory, files: fs::read_dir(format!("/proc/{id}/fd")).unwrap().count() }
    }
}

impl ResourceUsage {
    /// Whether there is no leak: the second crowd is as large as the first one and lasts longer. A tenth and four MiB
    /// are left to the allocator.
    pub(crate) const fn is_no_leak(before: &Self, after: &Self) -> bool {
        after.memory <= before.memory + before.memory / 10 + 4_096
    }

    pub(crate) const fn compare_with(self, after: Self) -> UsageComparison {
        UsageComparison(self, after)
    }
}

impl UsageComparison {
    #[expect(clippy::print_stdout, reason = "the figures are what the script is run for")]
    pub(crate) fn report(&self) {
        let Self(before, after) = self;
        println!(
            "the gateway at rest: {} KiB and {} open files after the warm-up, {} KiB and {} after all",
            before.memory, before.files, after.memory, after.files
        );
    }
}
