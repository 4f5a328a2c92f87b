//! One head: what of it goes on, and what kind of body is behind it.

use std::mem::MaybeUninit;

use http::Uri;
use httparse::{Error, Header, Status};

use crate::{
    Invalid,
    proxy::invalid_head::{MAX_HEAD, MAX_HEADERS, MAX_URI},
};

/// Room for the headers of a usual request; more are read with room on the heap.
const INLINE_HEADERS: usize = 48;

/// The longest path that stands in for one that is refused, and the longest method: they are for the log alone.
const MAX_LOGGED: usize = 1024;

/// What a head is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParsedHead {
    /// It has not come to its end.
    Partial,
    /// A head of so many bytes.
    Complete {
        len: usize,
        /// What goes on in its place.
        replacement: Option<Vec<u8>>,
        body: BodyKind,
    },
    /// It cannot be served.
    Refused(Invalid),
}

/// What comes behind a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Length(u64),
    Chunked,
    /// Perhaps another protocol.
    Opaque,
}

/// The end of the head that is among these bytes: the end of an empty line.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// Reads the head that begins here.
pub(super) fn parse(bytes: &[u8]) -> ParsedHead {
    let blank = blank_lines(bytes);
    let Some(len) = head_end(&bytes[blank..]).map(|end| blank + end) else {
        // Whoever speaks another protocol here is told at once.
        let word = &bytes[blank..].split(|byte| *byte == b' ').next().unwrap_or_default();
        let is_method = word.iter().all(|byte| byte.is_ascii_graphic() || *byte == b'\r');
        return if is_method {
            ParsedHead::Partial
        } else {
            ParsedHead::Refused(Invalid::Malformed)
        };
    };
    if len > MAX_HEAD {
        return ParsedHead::Refused(Invalid::HeadTooLarge);
    }
    let head = &bytes[..len];
    let target = target(&head[blank..]);
    if target.len() > MAX_URI {
        return ParsedHead::Refused(Invalid::UriTooLong);
    }
    let instead =
        target.iter().any(|byte| must_be_encoded(*byte)).then(|| with_encoded_target(head, target));
    match body_kind(instead.as_deref().unwrap_or(head)) {
        Ok(body) => ParsedHead::Complete { len, replacement: instead, body },
        Err(refused) => ParsedHead::Refused(refused),
    }
}

/// Empty lines before a head, which some callers send behind a body.
fn blank_lines(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return at,
        }
    }
}

/// What stands between the first two spaces of the request line.
fn target(head: &[u8]) -> &[u8] {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.splitn(3, |byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// What `http::Uri` does not take, or takes for the end of what it reads. Nomad takes all of it.
const fn must_be_encoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | b'#') || byte >= 0x80
}

fn with_encoded_target(head: &[u8], target: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let from = target.as_ptr().addr() - head.as_ptr().addr();
    let mut out = Vec::with_capacity(head.len() + 64);
    out.extend_from_slice(&head[..from]);
    for byte in target {
        if must_be_encoded(*byte) {
            out.extend_from_slice(&[
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]);
        } else {
            out.push(*byte);
        }
    }
    out.extend_from_slice(&head[from + target.len()..]);
    out
}

/// Reads a whole head with the parser that hyper reads it with.
fn body_kind(head: &[u8]) -> Result<BodyKind, Invalid> {
    let mut usual = [const { MaybeUninit::uninit() }; INLINE_HEADERS];
    match body_kind_with(head, &mut usual) {
        Err(Invalid::TooManyHeaders) => {
            body_kind_with(head, &mut vec![MaybeUninit::uninit(); MAX_HEADERS])
        }
        read => read,
    }
}

fn body_kind_with<'a>(
    head: &'a [u8],
    room: &mut [MaybeUninit<Header<'a>>],
) -> Result<BodyKind, Invalid> {
    let mut request = httparse::Request::new(&mut []);
    let parser = httparse::ParserConfig::default();
    match parser.parse_request_with_uninit_headers(&mut request, head, room) {
        Ok(Status::Complete(len)) if len == head.len() => body_kind_of(&request),
        Err(Error::TooManyHeaders) => Err(Invalid::TooManyHeaders),
        Err(Error::Version) if is_other_version(head) => Err(Invalid::UnsupportedVersion),
        Ok(Status::Complete(_) | Status::Partial) | Err(_) => Err(Invalid::Malformed),
    }
}

/// `HTTP/` and two digits, as in Go.
fn is_other_version(head: &[u8]) -> bool {
    let line = head[blank_lines(head)..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let version = line.trim_ascii_end().splitn(3, |byte| *byte == b' ').nth(2);
    let version = version.and_then(|version| version.strip_prefix(b"HTTP/"));
    matches!(version, Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// What comes behind a head, as hyper decides it, and what Go's server refuses.
fn body_kind_of(request: &httparse::Request<'_, '_>) -> Result<BodyKind, Invalid> {
    let is_1_1 = request.version == Some(1);
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    if target.len() > MAX_URI {
        return Err(Invalid::UriTooLong);
    }
    let is_absolute = || Uri::try_from(target).is_ok_and(|uri| uri.scheme().is_some());
    if !(target.starts_with('/') || target == "*" || method == "CONNECT" || is_absolute()) {
        return Err(Invalid::Malformed);
    }
    let (mut host, mut length, mut is_chunked, mut is_websocket) = (None, None, false, false);
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            4 if is("host") && host.replace(header.value).is_some() => {
                return Err(Invalid::MultipleHosts);
            }
            7 if is("upgrade") => is_websocket |= names_websocket(header.value),
            14 if is("content-length") => {
                let read = parse_length(header.value).ok_or(Invalid::Malformed)?;
                if length.replace(read).is_some_and(|before| before != read) {
                    return Err(Invalid::Malformed);
                }
            }
            17 if is("transfer-encoding") => {
                if is_chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Invalid::UnsupportedTransferCoding);
                }
                is_chunked = true;
            }
            _ => {}
        }
    }
    match host {
        None if is_1_1 && method != "CONNECT" => return Err(Invalid::MissingHost),
        Some(host) if !host.iter().all(|byte| is_host_byte(*byte)) => {
            return Err(Invalid::InvalidHost);
        }
        _ => {}
    }
    Ok(if is_websocket || method == "CONNECT" {
        BodyKind::Opaque
    } else if is_chunked && !is_1_1 {
        return Err(Invalid::Malformed);
    } else if is_chunked {
        BodyKind::Chunked
    } else {
        BodyKind::Length(length.unwrap_or(0))
    })
}

fn parse_length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn names_websocket(value: &[u8]) -> bool {
    value.windows(9).any(|word| word.eq_ignore_ascii_case(b"websocket"))
}

/// What Go takes in a `Host`; an empty one is taken, too.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(&byte)
}

/// A head that can be served, in place of a refused one: with its method and path, where they are some.
pub(super) fn placeholder(refused: &[u8]) -> String {
    let head = &refused[blank_lines(refused)..];
    let method = head.split(|byte| *byte == b' ').next().unwrap_or_default();
    let path = target(&head[..head.len().min(MAX_LOGGED + method.len())]);
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !must_be_encoded(*byte);
    let path = if path.starts_with(b"/") && path.iter().all(is_plain) { path } else { b"/" };
    let is_method = (1..=16).contains(&method.len())
        && method.iter().all(u8::is_ascii_uppercase)
        && method != b"CONNECT";
    let method = if is_method { method } else { b"GET" };
    let (method, path) = (String::from_utf8_lossy(method), String::from_utf8_lossy(path));
    format!("{method} {path} HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_go_takes_becomes_a_uri() {
        for byte in 0x21..=0xff_u8 {
            if byte == 0x7f {
                continue;
            }
            for place in ["/a{}b", "/a?b{}c"] {
                let (before, after) = place.split_once("{}").unwrap();
                let target = [before.as_bytes(), &[byte], after.as_bytes()].concat();
                let head = [b"GET ", &*target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
                let ParsedHead::Complete { replacement: instead, .. } = parse(&head) else {
                    panic!("{byte:x}")
                };
                let head = instead.unwrap_or(head);
                let uri = Uri::try_from(super::target(&head)).unwrap();
                assert_eq!(uri.to_string().as_bytes(), super::target(&head), "{byte:x}");
            }
        }
    }
}
