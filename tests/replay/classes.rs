//! Why responses differ.

use super::{
    compare::Difference::{self, Added, Content, Frames, Header, Missing, Open, Status, Text},
    recorded::RecordedCall,
};

/// One reason, under its name in `docs/differences.md`.
pub(super) struct DifferenceClass {
    pub(super) name: &'static str,
    pub(super) holds: fn(&RecordedCall, &Difference) -> bool,
}

const fn class(
    name: &'static str,
    holds: fn(&RecordedCall, &Difference) -> bool,
) -> DifferenceClass {
    DifferenceClass { name, holds }
}

const DENIED: &str = "Permission denied";

/// The first class that matches counts.
pub(super) const CLASSES: &[DifferenceClass] = &[
    // Between 1.0 and 2.0.
    class("keys that 2.0 has added", |_, found| matches!(found, Added(key) if is_new(key))),
    class(
        "keys that 2.0 no longer sends",
        |_, found| matches!(found, Missing(key) if is_gone(key)),
    ),
    class("errors are always text/plain", |call, found| {
        let text = Some("text/plain; charset=utf-8".to_owned());
        matches!(found, Header("content-type", _, ours) if call.status >= 400 && *ours == text)
    }),
    class("redirects keep the method", |_, found| matches!(found, Status(301, 307, _))),
    class("preflight answers are empty", |call, found| {
        call.method == "OPTIONS" && matches!(found, Status(200, 204, _))
    }),
    class("unknown tokens", |call, found| {
        let is_unknown = matches!(&*call.token, "bogus" | "deleted" | "malformed");
        match found {
            Text(theirs, ours) if theirs == "ACL token not found" => ours == DENIED,
            Status(_, 403, said) | Text(_, said) => is_unknown && said == DENIED,
            _ => false,
        }
    }),
    class("denied reads of files and logs are 403", |call, found| {
        is_files(call) && matches!(found, Status(200 | 500, 403, said) if said == DENIED)
    }),
    class("bearer tokens", |call, found| {
        has_header(call, "authorization") && matches!(found, Status(403, 200, _))
    }),
    class("missing files are 404", |call, found| {
        is_files(call)
            && matches!(found, Status(500, 404, said) if said.ends_with("no such file or directory"))
    }),
    class("the level off", |call, found| {
        call.path.contains("log_level=off") && matches!(found, Status(400, 200, _))
    }),
    class("everything can be compressed", |call, found| {
        call.status == 404 && matches!(found, Header("content-encoding", None, Some(_)))
    }),
    // On purpose, at the gateway.
    class("answers of the gateway itself", |call, found| {
        let is_refused = call.is_relayed && call.status >= 400;
        is_refused && matches!(found, Header("content-encoding", Some(_), _))
    }),
    class("followed streams are not compressed", |call, found| {
        let is_followed = call.is_relayed && call.path.contains("follow=true");
        is_followed && matches!(found, Header("content-encoding", Some(_), _))
    }),
    class("names and beginnings of ids", |call, found| {
        let is_short =
            ["prefix8", "node-name", "short-name"].iter().any(|name| call.id.contains(name));
        is_short && matches!(found, Status(500, ..))
    }),
    class("nodes that a monitor cannot reach", |call, found| {
        call.path.starts_with("/v1/agent/monitor")
            && match found {
                Status(500, 404, said) => {
                    said.starts_with("Unknown node") || said == "No path to node"
                }
                Text(theirs, ours) => theirs.strip_prefix("RPC Error:: 500,") == Some(ours),
                _ => false,
            }
    }),
    class("unknown targets before rights", |call, found| {
        call.path.starts_with("/v1/agent/host") && matches!(found, Status(403, 404 | 500, _))
    }),
    class("unknown regions", |call, found| {
        call.path.contains("region=nope")
            && matches!(found, Status(_, 400 | 500, said) if said == "No path to region")
    }),
    // On purpose, at the agent.
    class("errors of cat and readat have a status", |call, found| {
        let is_read = call.path.contains("/fs/cat") || call.path.contains("/fs/readat");
        is_read && matches!(found, Status(200, 400.., _))
    }),
    class("links that lead out of the allocation", |call, found| {
        call.id.contains("evil-link") && matches!(found, Status(200, 400 | 500, _))
    }),
    class("one answer a request", |call, found| {
        call.path.contains("wait=bad")
            && match found {
                Text(theirs, ours) => theirs.starts_with(ours.as_str()),
                Open(true, false) => true,
                _ => false,
            }
    }),
    class("profiles of another runtime", |call, found| {
        call.path.contains("/pprof/")
            && matches!(found, Content(..) | Text(..) | Status(200, 501, _))
    }),
    class(
        "settings and figures that this agent does not have",
        |_, found| matches!(found, Missing(key) if is_not_ours(key)),
    ),
    class("tasks that have ended", |call, found| {
        let has_ended =
            call.id.contains("alloc-stats-done") || call.id.contains("alloc-stats-failed");
        has_ended && matches!(found, Missing(key) if !key.starts_with("/Timestamp"))
    }),
    class("collected allocations", |call, found| {
        call.id.contains("-gcd")
            && matches!(found, Status(_, 404, said) if said.starts_with("Unknown allocation"))
    }),
    class("snapshots", |call, found| {
        call.path.ends_with("/snapshot") && matches!(found, Status(..))
    }),
    class("texts of rare errors", |call, found| {
        let is_rare = call.id.contains("path-nul") || call.path.contains("offset=-3");
        is_rare && matches!(found, Text(..) | Header("content-type", ..))
    }),
    class("empty streams have a type", |call, found| {
        call.length == 0 && matches!(found, Header("content-type", None, Some(_)))
    }),
    class("what a live log says", |call, found| {
        call.path.starts_with("/v1/agent/monitor")
            && matches!(found, Frames(..) | Status(0, 200, _))
    }),
    class(
        "where the HTTP API of a server is",
        |_, found| matches!(found, Added(key) if key.ends_with("/Tags/http_addr")),
    ),
    class("what a ping says", |call, found| {
        call.path.starts_with("/v1/agent/servers") && matches!(found, Text(..))
    }),
    class("a keyring call without a body", |call, found| {
        call.path.starts_with("/v1/agent/keyring/") && matches!(found, Status(500, 400, _))
    }),
];

fn is_files(call: &RecordedCall) -> bool {
    call.path.starts_with("/v1/client/fs/")
}

fn has_header(call: &RecordedCall, name: &str) -> bool {
    call.request_headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn is_new(key: &str) -> bool {
    [
        "/0/ContentType",
        "/Members/0/Tags/revision",
        "/member/Tags/revision",
        "/CPU/0/TotalPercent",
        "/CPU/0/TotalTicks",
    ]
    .contains(&key)
        || key.ends_with("/MemoryStats/MappedFile")
        || key.starts_with("/config/")
}

fn is_gone(key: &str) -> bool {
    [
        "/Members/0/Tags/mvn",
        "/member/Tags/mvn",
        "/CPU/0/Total",
        "/config/Consul",
        "/config/Vault",
        "/config/TLSConfig/TLSPreferServerCipherSuites",
        "/stats/vault",
    ]
    .contains(&key)
}

/// Settings of parts of Nomad that a reference agent lacks, and of clusters with elections.
fn is_not_ours(key: &str) -> bool {
    ["/config/", "/stats/raft/"].iter().any(|start| key.starts_with(start))
        || key.ends_with("/Tags/expect")
}
