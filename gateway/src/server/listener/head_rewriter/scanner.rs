//! Finds where request heads begin and end.

use super::{
    chunked_body::{ChunkedBody, Found},
    head::{self, BodyKind, ParsedHead},
    room::Room,
};
use crate::{Invalid, proxy::invalid_head::MAX_HEAD};

/// A caller's bytes, as far as they have come.
#[derive(Debug)]
pub(super) struct Scanner {
    phase: ScanPhase,
    /// A head that has not come to its end. It goes on when it has: a head is replaced as a whole.
    partial_head: Vec<u8>,
    head_count: usize,
    error: Option<Invalid>,
    room: Room,
}

#[derive(Debug, Clone, Copy, Default)]
enum ScanPhase {
    #[default]
    Head,
    /// So many bytes of a body are to come.
    Body(u64),
    Chunked(ChunkedBody),
    /// What comes is another protocol's, or no HTTP; it goes on as it is.
    Opaque,
    /// What comes is dropped.
    Rejected,
}

/// What goes on of the bytes that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScanOutput {
    /// The first so many of them.
    Unchanged(usize),
    /// These in their place.
    Replaced(Vec<u8>),
}

impl Scanner {
    pub(super) const fn new(room: Room) -> Self {
        Self { phase: ScanPhase::Head, partial_head: Vec::new(), head_count: 0, error: None, room }
    }

    /// The number of the request that is refused, counted from 1, and why.
    pub(super) fn error(&self) -> Option<(usize, Invalid)> {
        self.error.map(|why| (self.head_count, why))
    }

    /// Whether the last body that began has come to its end, with all that belongs to it.
    pub(super) const fn is_outside_of_bodies(&self) -> bool {
        match self.phase {
            ScanPhase::Head => true,
            ScanPhase::Body(_)
            | ScanPhase::Chunked(_)
            | ScanPhase::Opaque
            | ScanPhase::Rejected => false,
        }
    }

    /// Takes what came.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> ScanOutput {
        if self.partial_head.is_empty() {
            return self.split(bytes);
        }
        // Looking at the new bytes alone, or a head that comes byte by byte would be read a million times.
        let new = self.partial_head.len().saturating_sub(2);
        self.partial_head.extend_from_slice(bytes);
        if head::head_end(&self.partial_head[new..]).is_none()
            && self.partial_head.len() <= MAX_HEAD
        {
            return match self.room.hold(self.partial_head.len()) {
                Ok(()) => ScanOutput::Unchanged(0),
                Err(refused) => self.no_room(refused),
            };
        }
        self.room.give_back();
        let mut whole = std::mem::take(&mut self.partial_head);
        match self.split(&whole) {
            ScanOutput::Unchanged(len) => {
                whole.truncate(len);
                ScanOutput::Replaced(whole)
            }
            instead @ ScanOutput::Replaced(_) => instead,
        }
    }

    /// Refuses the head that has not come to its end.
    fn no_room(&mut self, refused: Invalid) -> ScanOutput {
        let part = std::mem::take(&mut self.partial_head);
        let mut out = OutputBuffer { input: &part, copied: 0, replacement: None };
        self.reject(refused, &head::placeholder(&part), &mut out, 0);
        out.finish(0)
    }

    fn split(&mut self, bytes: &[u8]) -> ScanOutput {
        let mut out = OutputBuffer { input: bytes, copied: 0, replacement: None };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.phase {
                ScanPhase::Opaque => at = bytes.len(),
                ScanPhase::Rejected => break,
                ScanPhase::Body(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    at += len;
                    *left -= len as u64;
                    if *left == 0 {
                        self.phase = ScanPhase::Head;
                    }
                }
                ScanPhase::Chunked(chunks) => match chunks.advance(rest) {
                    Found::More => at = bytes.len(),
                    Found::End(len) => {
                        at += len;
                        self.phase = ScanPhase::Head;
                    }
                    Found::Broken => self.phase = ScanPhase::Opaque,
                },
                ScanPhase::Head => match self.scan_head(rest, &mut out, at) {
                    Some(len) => at += len,
                    None => break,
                },
            }
        }
        out.finish(at)
    }

    /// The length of the head that begins here; `None` when nothing behind it goes on now.
    fn scan_head(&mut self, rest: &[u8], out: &mut OutputBuffer<'_>, at: usize) -> Option<usize> {
        match head::parse(rest) {
            ParsedHead::Partial if rest.len() <= MAX_HEAD => match self.room.hold(rest.len()) {
                Ok(()) => {
                    self.partial_head = rest.to_vec();
                    None
                }
                Err(refused) => self.reject(refused, &head::placeholder(rest), out, at),
            },
            ParsedHead::Partial => {
                self.reject(Invalid::HeadTooLarge, &head::placeholder(rest), out, at)
            }
            ParsedHead::Refused(why) => self.reject(why, &head::placeholder(rest), out, at),
            ParsedHead::Complete { len, replacement: instead, body } => {
                self.head_count += 1;
                self.phase = match body {
                    BodyKind::Length(0) => ScanPhase::Head,
                    BodyKind::Length(len) => ScanPhase::Body(len),
                    BodyKind::Chunked => ScanPhase::Chunked(ChunkedBody::default()),
                    BodyKind::Opaque => ScanPhase::Opaque,
                };
                if let Some(instead) = instead {
                    out.replace(at, len, &instead);
                }
                Some(len)
            }
        }
    }

    fn reject(
        &mut self,
        why: Invalid,
        stand_in: &str,
        out: &mut OutputBuffer<'_>,
        at: usize,
    ) -> Option<usize> {
        self.room.give_back();
        self.head_count += 1;
        self.error = Some(why);
        self.phase = ScanPhase::Rejected;
        out.replace(at, 0, stand_in.as_bytes());
        None
    }
}

/// What goes on; nothing is copied as long as nothing is replaced.
struct OutputBuffer<'a> {
    input: &'a [u8],
    copied: usize,
    replacement: Option<Vec<u8>>,
}

impl OutputBuffer<'_> {
    fn replace(&mut self, at: usize, len: usize, with: &[u8]) {
        let instead = self.replacement.get_or_insert_default();
        instead.extend_from_slice(&self.input[self.copied..at]);
        instead.extend_from_slice(with);
        self.copied = at + len;
    }

    fn finish(self, at: usize) -> ScanOutput {
        match self.replacement {
            None => ScanOutput::Unchanged(at),
            Some(mut instead) => {
                instead.extend_from_slice(&self.input[self.copied..at]);
                ScanOutput::Replaced(instead)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::server::listener::head_rewriter::LargeHeads;

    fn scan() -> Scanner {
        Scanner::new(LargeHeads::default().room([127, 0, 0, 1].into()))
    }

    /// What goes on of bytes that come in these pieces.
    fn passed(pieces: &[&[u8]]) -> (Vec<u8>, Option<(usize, Invalid)>) {
        let mut scan = scan();
        let mut out = Vec::new();
        for piece in pieces {
            match scan.scan(piece) {
                ScanOutput::Unchanged(len) => out.extend_from_slice(&piece[..len]),
                ScanOutput::Replaced(bytes) => out.extend_from_slice(&bytes),
            }
        }
        (out, scan.error())
    }

    /// Messages, and what goes on of them.
    const MESSAGES: [(&str, &str); 8] = [
        (
            "GET /v1/jobs?a=b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /v1/jobs?a=b HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "GET /v1/jobs?filter=Status==\"running\" HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /v1/jobs?filter=Status==%22running%22 HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "PUT /<é>#`? HTTP/1.1\r\nhost: a\r\nContent-Length: 12\r\n\r\nGET /\" HTTP/",
            "PUT /%3C%C3%A9%3E%23%60? HTTP/1.1\r\nhost: a\r\nContent-Length: 12\r\n\r\nGET /\" HTTP/",
        ),
        (
            "POST /\" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nGET /\r\n3;x\r\n\"\r\n\r\n0\r\nX: \"\r\n\r\n",
            "POST /%22 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nGET /\r\n3;x\r\n\"\r\n\r\n0\r\nX: \"\r\n\r\n",
        ),
        ("\r\n\nGET / HTTP/1.1\nHost:\n\n", "\r\n\nGET / HTTP/1.1\nHost:\n\n"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"),
        (
            "HEAD http://a/\" HTTP/1.1\r\nHost: b\r\n\r\n",
            "HEAD http://a/%22 HTTP/1.1\r\nHost: b\r\n\r\n",
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"),
    ];

    proptest! {
        /// Whatever is pipelined, and however it is cut, each head is rewritten, and no byte of a body.
        #[test]
        fn heads_are_found_wherever_bytes_are_cut(
            messages in vec(select(MESSAGES.to_vec()), 1..6),
            cuts in vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let sent: String = messages.iter().map(|(sent, _)| *sent).collect();
            let expected: String = messages.iter().map(|(_, passed)| *passed).collect();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(sent.len())).collect();
            cuts.extend([0, sent.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|ends| &sent.as_bytes()[ends[0]..ends[1]]).collect();
            let (out, refused) = passed(&pieces);
            prop_assert_eq!(String::from_utf8_lossy(&out), expected);
            prop_assert_eq!(refused, None);
        }

        #[test]
        fn no_bytes_panic(pieces in vec(vec(any::<u8>(), 0..200), 0..5)) {
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            drop(passed(&pieces));
        }
    }

    #[test]
    fn a_large_head_takes_room_until_it_is_whole() {
        let heads = LargeHeads::default();
        let start = format!("GET / HTTP/1.1\r\nHost: a\r\nb: {}", "x".repeat(900_000));
        let (first, second) = start.split_at(8192);
        // More of them than have room at once, on connections that all stay.
        let mut scans = Vec::new();
        for _ in 0..40 {
            let mut scan = Scanner::new(heads.room([127, 0, 0, 1].into()));
            for piece in [first, second] {
                assert_eq!(scan.scan(piece.as_bytes()), ScanOutput::Unchanged(0));
            }
            assert!(matches!(scan.scan(b"\r\n\r\n"), ScanOutput::Replaced(_)));
            assert_eq!(scan.error(), None);
            scans.push(scan);
        }
        // Those that stay without an end have all that an address has: 256 places, of which each needs 14.
        let refused = scans.iter_mut().map(|scan| {
            drop([first, second].map(|piece| scan.scan(piece.as_bytes())));
            scan.error()
        });
        let refused: Vec<_> = refused.flatten().collect();
        assert_eq!(refused, [(2, Invalid::LargeHeadsOfAddress); 22]);
    }

    #[test]
    fn after_a_websocket_began_nothing_is_touched() {
        let upgrade = "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
        let sent = format!("{upgrade}GET /\" HTTP/1.1\r\n\r\n");
        assert_eq!(passed(&[sent.as_bytes()]), (sent.clone().into_bytes(), None));
        // Another upgrade is never granted, so that HTTP goes on.
        let sent =
            sent.replace("websocket", "h2c").replace("1.1\r\n\r\n", "1.1\r\nHost: a\r\n\r\n");
        let (out, _) = passed(&[sent.as_bytes()]);
        assert!(out.ends_with(b"GET /%22 HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    #[test]
    fn what_is_refused_is_replaced_and_the_last_of_its_connection() {
        let good = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
        let long = format!("GET /v1/x?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(65_600));
        let lines = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(600));
        let large = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nb: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        for (bad, why, line) in [
            (&*long, Invalid::UriTooLong, "GET /v1/x"),
            (&lines, Invalid::TooManyHeaders, "GET /v1/x"),
            (&large, Invalid::HeadTooLarge, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\n\r\n", Invalid::MissingHost, "GET /v1/x"),
            (
                "GET /v1/x HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
                Invalid::MultipleHosts,
                "GET /v1/x",
            ),
            ("GET /v1/x HTTP/1.1\r\nHost: a b\r\n\r\n", Invalid::InvalidHost, "GET /v1/x"),
            ("GET /v1/x HTTP/2.0\r\nHost: a\r\n\r\n", Invalid::UnsupportedVersion, "GET /v1/x"),
            ("GET /v1/x x HTTP/1.1\r\nHost: a\r\n\r\n", Invalid::Malformed, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\nHost: a\r\na b: c\r\n\r\n", Invalid::Malformed, "GET /v1/x"),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", Invalid::Malformed, "GET /"),
            ("\u{16}\u{3}\u{1}\r\n\r\n", Invalid::Malformed, "GET /"),
            (
                "PUT /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                Invalid::Malformed,
                "PUT /v1/x",
            ),
            (
                "PUT /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                Invalid::UnsupportedTransferCoding,
                "PUT /v1/x",
            ),
        ] {
            let sent = format!("{good}{bad}{good}");
            let (out, refused) = passed(&[sent.as_bytes(), good.as_bytes()]);
            assert_eq!(refused, Some((2, why)), "{line}");
            let out = String::from_utf8(out).unwrap();
            let stand_in = out.strip_prefix(good).unwrap();
            assert!(stand_in.starts_with(&format!("{line} HTTP/1.1\r\n")), "{stand_in}");
            assert!(
                matches!(head::parse(stand_in.as_bytes()), ParsedHead::Complete { len, .. } if len == stand_in.len())
            );
        }
    }
}
