//! Where Go's `ServeMux` sends a caller whose path is not clean, or lacks the slash of a subtree.

use super::{MuxPath, decode_lossy, encode, matches_segment};

/// Nomad's subtrees without a handler for their root.
const SUBTREES: [&str; 23] = [
    "/ui",
    "/debug/pprof",
    "/v1/agent/keyring",
    "/v1/agent/pprof",
    "/v1/client/allocation",
    "/v1/client/fs",
    "/v1/acl/policy",
    "/v1/allocation",
    "/v1/deployment",
    "/v1/evaluation",
    "/v1/job",
    "/v1/node",
    "/v1/node/pool",
    "/v1/operator/keyring",
    "/v1/operator/raft",
    "/v1/operator/upgrade-check",
    "/v1/plugin/csi",
    "/v1/scaling/policy",
    "/v1/service",
    "/v1/var",
    "/v1/volume/csi",
    "/v1/volume/host",
    "/v1/volumes/claim",
];

/// The place that a caller is sent to, without its query; `None` for a path that is served as it is.
///
/// A clean root of a subtree is left to whoever serves it, but for those of the agent's and client's API.
pub(in super::super) fn redirect_location(path: &MuxPath<'_>, written: &str) -> Option<String> {
    let escaped: &str = &path.escaped;
    let clean = clean_path(escaped);
    let served = clean.as_deref().unwrap_or(escaped);
    let is_ours = |path: &str| path.starts_with("/v1/agent/") || path.starts_with("/v1/client/");
    if let Some(root) = SUBTREES.iter().find(|root| matches_path(served, root))
        && (clean.is_some() || is_ours(root))
    {
        let decoded = decode_lossy(written);
        return Some(encode(clean_path(&decoded).as_deref().unwrap_or(&decoded)) + "/");
    }
    // Go escapes what is escaped already once more.
    clean.map(encode)
}

fn matches_path(escaped: &str, path: &str) -> bool {
    let mut segments = escaped.split('/');
    path.split('/').all(|one| segments.next().is_some_and(|written| matches_segment(written, one)))
        && segments.next().is_none()
}

/// The clean form of a path that is not clean: no empty segments, no `.`, no `..`; a slash at the end stays.
fn clean_path(path: &str) -> Option<String> {
    if !may_need_cleaning(path) {
        return None;
    }
    let dirty =
        path.contains("//") || path.split('/').any(|segment| segment == "." || segment == "..");
    if !dirty {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut clean = String::from("/");
    clean.push_str(&kept.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    Some(clean)
}

/// Whether a segment is empty or begins with a dot: one look at each byte, for every request has a path.
fn may_need_cleaning(path: &str) -> bool {
    let bytes = path.as_bytes();
    let begins = |pair: &[u8]| pair[0] == b'/' && matches!(pair[1], b'/' | b'.');
    bytes.first() == Some(&b'.') || bytes.windows(2).any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dirty_paths_are_cleaned() {
        for (path, clean) in [
            ("/v1/agent/self", None),
            ("/v1/agent/self/", None),
            ("/v1//agent/members", Some("/v1/agent/members")),
            ("/v1/./agent/self", Some("/v1/agent/self")),
            ("/v1/agent/../agent/self", Some("/v1/agent/self")),
            ("/../../etc", Some("/etc")),
            ("./v1", Some("/v1")),
            ("/v1/.well-known", None),
            ("//", Some("/")),
        ] {
            assert_eq!(clean_path(path).as_deref(), clean, "{path}");
        }
    }
}
