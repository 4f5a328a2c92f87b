//! Paths as Go's mux sees them: decoded, and redirected when they are not clean.

use std::borrow::Cow;

use crate::query::hex_pair;

/// The percent-decoded path; as it is when an escape is bad (Go's server would have refused the request).
pub(super) fn decode(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'%' {
            let pair = rest.first().zip(rest.get(1)).and_then(|(high, low)| hex_pair(*high, *low));
            let Some(decoded) = pair else { return Cow::Borrowed(path) };
            bytes.push(decoded);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The clean form of a path that is not clean: no empty segments, no `.`, no `..`; a slash at the end stays.
pub(super) fn cleaned(path: &str) -> Option<String> {
    if !may_be_dirty(path) {
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
fn may_be_dirty(path: &str) -> bool {
    let bytes = path.as_bytes();
    let begins = |pair: &[u8]| pair[0] == b'/' && matches!(pair[1], b'/' | b'.');
    bytes.first() == Some(&b'.') || bytes.windows(2).any(begins)
}

/// Writes a path into a `Location`: what cannot stand in one is percent-encoded.
pub(super) fn encode(path: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/$&+,:;=@!*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
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
            assert_eq!(cleaned(path).as_deref(), clean, "{path}");
        }
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("/a%2Fb%252e"), "/a/b%2e");
        assert_eq!(decode("/a%zz"), "/a%zz");
    }
}
