//! Where heads begin and end among a caller's bytes.

use super::{
    chunks::{Chunks, Found},
    head::{self, Body, Read},
    room::Room,
};
use crate::{Refused, refused::MAX_HEAD};

/// A caller's bytes, as far as they have come.
#[derive(Debug)]
pub(super) struct Scan {
    phase: Phase,
    /// A head that has not come to its end. It goes on when it has: a head is replaced as a whole.
    held: Vec<u8>,
    heads: usize,
    refused: Option<Refused>,
    room: Room,
}

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Head,
    /// So many bytes of a body are to come.
    Body(u64),
    Chunks(Chunks),
    /// What comes is another protocol's, or no HTTP; it goes on as it is.
    Opaque,
    /// What comes is dropped.
    Refused,
}

/// What goes on of the bytes that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// The first so many of them.
    AsIs(usize),
    /// These in their place.
    Instead(Vec<u8>),
}

impl Scan {
    pub(super) const fn new(room: Room) -> Self {
        Self { phase: Phase::Head, held: Vec::new(), heads: 0, refused: None, room }
    }

    /// The number of the request that is refused, counted from 1, and why.
    pub(super) fn refused(&self) -> Option<(usize, Refused)> {
        self.refused.map(|why| (self.heads, why))
    }

    /// Whether the last body that began has come to its end, with all that belongs to it.
    pub(super) const fn is_outside_of_bodies(&self) -> bool {
        match self.phase {
            Phase::Head => true,
            Phase::Body(_) | Phase::Chunks(_) | Phase::Opaque | Phase::Refused => false,
        }
    }

    /// Takes what came.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Passed {
        if self.held.is_empty() {
            return self.split(bytes);
        }
        // Looking at the new bytes alone, or a head that comes byte by byte would be read a million times.
        let new = self.held.len().saturating_sub(2);
        self.held.extend_from_slice(bytes);
        if head::end(&self.held[new..]).is_none() && self.held.len() <= MAX_HEAD {
            return match self.room.hold(self.held.len()) {
                Ok(()) => Passed::AsIs(0),
                Err(refused) => self.no_room(refused),
            };
        }
        self.room.give_back();
        let mut whole = std::mem::take(&mut self.held);
        match self.split(&whole) {
            Passed::AsIs(len) => {
                whole.truncate(len);
                Passed::Instead(whole)
            }
            instead @ Passed::Instead(_) => instead,
        }
    }

    /// Refuses the head that has not come to its end.
    fn no_room(&mut self, refused: Refused) -> Passed {
        let part = std::mem::take(&mut self.held);
        let mut out = Out { bytes: &part, copied: 0, instead: None };
        self.refuse(refused, &head::stand_in(&part), &mut out, 0);
        out.until(0)
    }

    fn split(&mut self, bytes: &[u8]) -> Passed {
        let mut out = Out { bytes, copied: 0, instead: None };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.phase {
                Phase::Opaque => at = bytes.len(),
                Phase::Refused => break,
                Phase::Body(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    at += len;
                    *left -= len as u64;
                    if *left == 0 {
                        self.phase = Phase::Head;
                    }
                }
                Phase::Chunks(chunks) => match chunks.skip(rest) {
                    Found::More => at = bytes.len(),
                    Found::End(len) => {
                        at += len;
                        self.phase = Phase::Head;
                    }
                    Found::Broken => self.phase = Phase::Opaque,
                },
                Phase::Head => match self.head(rest, &mut out, at) {
                    Some(len) => at += len,
                    None => break,
                },
            }
        }
        out.until(at)
    }

    /// The length of the head that begins here; `None` when nothing behind it goes on now.
    fn head(&mut self, rest: &[u8], out: &mut Out<'_>, at: usize) -> Option<usize> {
        match head::read(rest) {
            Read::Part if rest.len() <= MAX_HEAD => match self.room.hold(rest.len()) {
                Ok(()) => {
                    self.held = rest.to_vec();
                    None
                }
                Err(refused) => self.refuse(refused, &head::stand_in(rest), out, at),
            },
            Read::Part => self.refuse(Refused::Head, &head::stand_in(rest), out, at),
            Read::Refused(why) => self.refuse(why, &head::stand_in(rest), out, at),
            Read::Whole { len, instead, body } => {
                self.heads += 1;
                self.phase = match body {
                    Body::Length(0) => Phase::Head,
                    Body::Length(len) => Phase::Body(len),
                    Body::Chunks => Phase::Chunks(Chunks::default()),
                    Body::Opaque => Phase::Opaque,
                };
                if let Some(instead) = instead {
                    out.replace(at, len, &instead);
                }
                Some(len)
            }
        }
    }

    fn refuse(
        &mut self,
        why: Refused,
        stand_in: &str,
        out: &mut Out<'_>,
        at: usize,
    ) -> Option<usize> {
        self.room.give_back();
        self.heads += 1;
        self.refused = Some(why);
        self.phase = Phase::Refused;
        out.replace(at, 0, stand_in.as_bytes());
        None
    }
}

/// What goes on; nothing is copied as long as nothing is replaced.
struct Out<'a> {
    bytes: &'a [u8],
    copied: usize,
    instead: Option<Vec<u8>>,
}

impl Out<'_> {
    fn replace(&mut self, at: usize, len: usize, with: &[u8]) {
        let instead = self.instead.get_or_insert_default();
        instead.extend_from_slice(&self.bytes[self.copied..at]);
        instead.extend_from_slice(with);
        self.copied = at + len;
    }

    fn until(self, at: usize) -> Passed {
        match self.instead {
            None => Passed::AsIs(at),
            Some(mut instead) => {
                instead.extend_from_slice(&self.bytes[self.copied..at]);
                Passed::Instead(instead)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::listen::heads::LargeHeads;

    fn scan() -> Scan {
        Scan::new(LargeHeads::default().room([127, 0, 0, 1].into()))
    }

    /// What goes on of bytes that come in these pieces.
    fn passed(pieces: &[&[u8]]) -> (Vec<u8>, Option<(usize, Refused)>) {
        let mut scan = scan();
        let mut out = Vec::new();
        for piece in pieces {
            match scan.take(piece) {
                Passed::AsIs(len) => out.extend_from_slice(&piece[..len]),
                Passed::Instead(bytes) => out.extend_from_slice(&bytes),
            }
        }
        (out, scan.refused())
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
            let mut scan = Scan::new(heads.room([127, 0, 0, 1].into()));
            for piece in [first, second] {
                assert_eq!(scan.take(piece.as_bytes()), Passed::AsIs(0));
            }
            assert!(matches!(scan.take(b"\r\n\r\n"), Passed::Instead(_)));
            assert_eq!(scan.refused(), None);
            scans.push(scan);
        }
        // Those that stay without an end have all that an address has: 256 places, of which each needs 14.
        let refused = scans.iter_mut().map(|scan| {
            drop([first, second].map(|piece| scan.take(piece.as_bytes())));
            scan.refused()
        });
        let refused: Vec<_> = refused.flatten().collect();
        assert_eq!(refused, [(2, Refused::LargeHeadsOfAddress); 22]);
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
            (&*long, Refused::Uri, "GET /v1/x"),
            (&lines, Refused::Lines, "GET /v1/x"),
            (&large, Refused::Head, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\n\r\n", Refused::NoHost, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Refused::ManyHosts, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\nHost: a b\r\n\r\n", Refused::Host, "GET /v1/x"),
            ("GET /v1/x HTTP/2.0\r\nHost: a\r\n\r\n", Refused::Version, "GET /v1/x"),
            ("GET /v1/x x HTTP/1.1\r\nHost: a\r\n\r\n", Refused::Malformed, "GET /v1/x"),
            ("GET /v1/x HTTP/1.1\r\nHost: a\r\na b: c\r\n\r\n", Refused::Malformed, "GET /v1/x"),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", Refused::Malformed, "GET /"),
            ("\u{16}\u{3}\u{1}\r\n\r\n", Refused::Malformed, "GET /"),
            (
                "PUT /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                Refused::Malformed,
                "PUT /v1/x",
            ),
            (
                "PUT /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                Refused::Coding,
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
                matches!(head::read(stand_in.as_bytes()), Read::Whole { len, .. } if len == stand_in.len())
            );
        }
    }
}
