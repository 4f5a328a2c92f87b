//! The jobs of the recorded cluster.

use std::num::NonZeroUsize;

use nomad_agent::{LogLimits, TaskSpec};

/// Files of every kind, and five hundred lines of output.
const STATIC: &str = r#"
cd "$NOMAD_TASK_DIR"
printf 'hello world\n' > hello.txt
printf '<html><body><script>alert(1)</script></body></html>\n' > page.html
printf '{"a":1,"b":[true,null]}\n' > data.json
: > empty
for i in $(seq 0 255); do printf "\\x$(printf %02x $i)"; done > bin256
seq -f 'line %06.0f' 1 10000 > lines.txt
printf 'space\n' > 'sp ace.txt'
printf 'unicode\n' > 'ünï.txt'
printf 'no newline at end' > nonl.txt
mkdir -p sub/deep; printf 'nested\n' > sub/deep/nested.txt
ln -sf hello.txt link.txt
ln -sf /etc/debian_version evil-link
ln -sf nowhere broken-link
printf 'top secret\n' > "$NOMAD_SECRETS_DIR/secret.txt"
printf 'shared\n' > "$NOMAD_ALLOC_DIR/data/shared.txt"
seq -f 'out %05.0f' 1 500
seq -f 'err %05.0f' 1 100 >&2
exec sleep 1000000
"#;

/// 2.5 MB over files of 1 MB, and then a line every 50 ms.
const LOGGER: &str = r#"
seq -f 'burst %08.0f xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' 1 31250
n=0
while :; do
  printf 'tick %08d xxxxxxxxxxxxxxxxxxxxxxxxx\n' $n
  [ $((n % 5)) -eq 0 ] && printf 'warn %08d xxxxxxxxxxxxxxxxxxxxxxxxx\n' $n >&2
  n=$((n + 1)); sleep 0.05
done
"#;

/// One job: the symbol of its allocation, its client, its tasks, and what must be in its logs before the first
/// call.
pub(super) struct Job {
    pub(super) symbol: &'static str,
    pub(super) client: &'static str,
    pub(super) tasks: &'static [(&'static str, &'static str)],
    pub(super) expected_logs: &'static [(&'static str, u64)],
}

pub(super) const JOBS: [Job; 7] = [
    Job {
        symbol: "alloc_static",
        client: "client1",
        tasks: &[("static", STATIC)],
        expected_logs: &[("static.stdout.0", 5000), ("static.stderr.0", 1000)],
    },
    Job {
        symbol: "alloc_static2",
        client: "client2",
        tasks: &[("static", STATIC)],
        expected_logs: &[("static.stdout.0", 5000), ("static.stderr.0", 1000)],
    },
    Job {
        symbol: "alloc_logger",
        client: "client1",
        tasks: &[("logger", LOGGER)],
        expected_logs: &[("logger.stdout.2", 100), ("logger.stderr.0", 40)],
    },
    Job {
        symbol: "alloc_multi",
        client: "client1",
        tasks: &[("one", "echo one; exec sleep 1000000"), ("two", "echo two; exec sleep 1000001")],
        expected_logs: &[("one.stdout.0", 4), ("two.stdout.0", 4)],
    },
    Job {
        symbol: "alloc_done",
        client: "client1",
        tasks: &[("done", "echo done; echo warned >&2; echo file > local/file.txt")],
        expected_logs: &[("done.stdout.0", 5), ("done.stderr.0", 7)],
    },
    Job {
        symbol: "alloc_failed",
        client: "client2",
        tasks: &[("failed", "echo failing; exit 3")],
        expected_logs: &[("failed.stdout.0", 8)],
    },
    Job {
        symbol: "alloc_other",
        client: "client1",
        tasks: &[("other", "echo other > local/file.txt; echo other-out; exec sleep 1000000")],
        expected_logs: &[("other.stdout.0", 10)],
    },
];

impl Job {
    pub(super) fn namespace(&self) -> &'static str {
        if self.symbol == "alloc_other" { "other" } else { "default" }
    }

    /// Its name: the symbol without its prefix.
    pub(super) fn name(&self) -> &'static str {
        self.symbol.trim_start_matches("alloc_")
    }

    pub(super) fn specs(&self) -> Vec<TaskSpec> {
        let task = |&(name, script): &(&str, &str)| {
            let mut task = TaskSpec::new(name, "/bin/bash").args(["-c", script]);
            if name == "logger" {
                let three = NonZeroUsize::MIN.saturating_add(2);
                task.logs = LogLimits { max_files: three, max_file_size: 1024 * 1024 };
            }
            task
        };
        self.tasks.iter().map(task).collect()
    }
}
