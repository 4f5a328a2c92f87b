//! Chunks in, whole objects out: what is kept between two chunks, and where it is kept.

mod carry;
mod tail;

use std::collections::VecDeque;

use bytes::Bytes;

use carry::Carry;

use crate::error::FrameError;
use crate::limits::Limits;
use crate::scan::{Fault, FaultKind, Look, Scan};
use crate::span::Span;

/// Where the next byte belongs.
#[derive(Debug)]
enum State {
    /// Between two objects.
    Between,
    /// In an object, of which `carry` holds what came in earlier chunks.
    Inside,
    /// In a `null` where an object could stand, of which this many bytes were seen.
    Null(usize),
    /// In text after the last object.
    Text(Vec<u8>),
    /// Nothing comes any more.
    Failed(FrameError),
}

/// A whole object: `len` bytes from `start` in the chunk or, if `joined`, in the carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) joined: bool,
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Its first byte, counted from the start of the stream.
    pub(crate) at: u64,
    /// Its longest string.
    pub(crate) known: Span,
}

/// Cuts a stream into objects.
///
/// ```text
///           carry                        chunk                    queue
///   ┌──────────────────────┐    ┌──────┬──────────────┐    ┌───────┐ ┌───────┐
///   │ the beginnings of an │    │ read │ in progress… │    │       │ │       │
///   │ object that straddles│    └──────┴──────────────┘    └───────┘ └───────┘
///   └──────────────────────┘           pos
///
///   carry.len() <= max_frame, and 0 unless State::Inside
///   pos <= chunk.len(), and begin + pos is the position in the stream
/// ```
#[derive(Debug)]
pub(crate) struct Splitter {
    limits: Limits,
    look: Look,
    state: State,
    scan: Scan,
    chunk: Bytes,
    pos: usize,
    /// The position in the stream of the first byte of `chunk`.
    begin: u64,
    /// The position in the stream of the object or text in progress.
    item: u64,
    carry: Carry,
    queue: VecDeque<Bytes>,
    queued: usize,
}

impl Splitter {
    pub(crate) fn new(limits: Limits, look: Look) -> Self {
        let limits = limits.capped();
        Self {
            limits,
            look,
            state: State::Between,
            scan: Scan::new(look, limits.max_depth),
            chunk: Bytes::new(),
            pos: 0,
            begin: 0,
            item: 0,
            carry: Carry::default(),
            queue: VecDeque::new(),
            queued: 0,
        }
    }

    /// Takes a chunk, or gives it back when too much is waiting already.
    pub(crate) fn feed(&mut self, chunk: Bytes) -> Result<(), Bytes> {
        let unread = self.unread();
        if unread > 0 && unread.saturating_add(chunk.len()) > self.limits.max_buffered {
            return Err(chunk);
        }
        if unread == 0 {
            self.replace(chunk);
        } else if !chunk.is_empty() {
            self.queued += chunk.len();
            self.queue.push_back(chunk);
        }
        Ok(())
    }

    /// The unread bytes of the chunk, no more than a frame may have, if a frame begins there.
    #[inline]
    pub(crate) fn window(&self) -> Option<&[u8]> {
        let unread = &self.chunk[self.pos..];
        match self.state {
            State::Between if !unread.is_empty() => {
                Some(&unread[..unread.len().min(self.limits.max_frame)])
            }
            _ => None,
        }
    }

    /// Takes an object of `len` bytes that begins where the [window](Self::window) does.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Found {
        let start = self.pos;
        self.pos += len;
        let at = self.begin + start as u64;
        Found { joined: false, start, len, at, known: Span::default() }
    }

    /// Begins an object with the whole window, which ends inside a `Data` that nobody looks into.
    pub(crate) fn begin_inside_data(&mut self) {
        if let Some(window) = self.window() {
            let scan = Scan::inside_data(window, self.limits.max_depth);
            let len = window.len();
            self.item = self.begin + self.pos as u64;
            self.scan = scan;
            self.state = State::Inside;
            self.keep(len);
        }
    }

    /// Goes on with a `Data` that nobody looks into. Returns what follows from its closing quote
    /// on, and where in the object that quote is; or nothing, and then all up to the end of the
    /// chunk belongs to the data, or there is no data to go on with.
    pub(crate) fn resume_data(&mut self) -> Option<(&[u8], usize)> {
        if !matches!(self.state, State::Inside) {
            return None;
        }
        let unread = &self.chunk[self.pos..];
        let room = self.limits.max_frame.saturating_sub(self.carry.len());
        let window = &unread[..unread.len().min(room)];
        match self.scan.data_end(window)? {
            Some(quote) => Some((
                &self.chunk[self.pos + quote..][..window.len() - quote],
                self.carry.len() + quote,
            )),
            None => {
                let len = window.len();
                self.keep(len);
                None
            }
        }
    }

    /// Takes the object in progress, which is `len` bytes long in all.
    pub(crate) fn take_joined(&mut self, len: usize) -> Found {
        self.complete(len - self.carry.len())
    }

    /// The next whole object, or nothing if the bytes fed so far have no more.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            if let State::Failed(error) = &self.state {
                return Err(error.clone());
            }
            if self.carry.len() >= self.limits.max_frame {
                return self.too_long();
            }
            if self.pos == self.chunk.len() && !self.next_chunk() {
                return Ok(None);
            }
            let found = match self.state {
                State::Between => {
                    self.between();
                    None
                }
                State::Inside => self.inside()?,
                State::Null(matched) => self.null(matched),
                State::Text(_) => {
                    self.text()?;
                    None
                }
                State::Failed(_) => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Ends the stream if a second look at the object just found showed a fault in it.
    pub(crate) fn judge(
        &mut self,
        found: Found,
        seen: Result<(), Fault>,
    ) -> Result<(), FrameError> {
        self.item = found.at;
        seen.or_else(|fault| self.broken(fault))
    }

    /// Where reading stands, counted from the start of the stream.
    pub(crate) fn position(&self) -> u64 {
        self.begin + self.pos as u64
    }

    /// How many bytes were copied to join frames that straddle chunks.
    pub(crate) const fn copied(&self) -> u64 {
        self.carry.copied()
    }

    /// How many bytes are held: fed and not read, or read and part of an unfinished object.
    pub(crate) fn held(&self) -> usize {
        let text = if let State::Text(text) = &self.state { text.len() } else { 0 };
        self.unread() + self.carry.len() + text
    }

    /// The buffer that the object just found lies in.
    #[inline]
    pub(crate) fn source(&self, found: Found) -> &Bytes {
        if found.joined { self.carry.joined() } else { &self.chunk }
    }

    /// Ends the stream with `error`, now and at every later call.
    pub(crate) fn fail<T>(&mut self, error: FrameError) -> Result<T, FrameError> {
        self.chunk = Bytes::new();
        self.carry.clear();
        self.queue = VecDeque::new();
        (self.begin, self.pos, self.queued) = (self.position(), 0, 0);
        self.state = State::Failed(error.clone());
        Err(error)
    }

    fn unread(&self) -> usize {
        self.chunk.len() - self.pos + self.queued
    }

    fn replace(&mut self, chunk: Bytes) {
        self.begin += self.pos as u64;
        self.pos = 0;
        self.chunk = chunk;
    }

    fn next_chunk(&mut self) -> bool {
        let Some(chunk) = self.queue.pop_front() else {
            // Whoever reads from a socket can use the buffer again once this handle is gone.
            self.replace(Bytes::new());
            return false;
        };
        self.queued -= chunk.len();
        self.replace(chunk);
        true
    }

    /// Skips blanks up to the first byte of whatever comes next.
    fn between(&mut self) {
        let unread = &self.chunk[self.pos..];
        let blanks = unread.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        self.pos += blanks.count();
        self.item = self.position();
        match self.chunk.get(self.pos) {
            None => {}
            Some(b'{') => {
                self.scan = Scan::new(self.look, self.limits.max_depth);
                self.state = State::Inside;
            }
            Some(b'n') => self.state = State::Null(0),
            Some(_) => self.state = State::Text(Vec::new()),
        }
    }

    fn inside(&mut self) -> Result<Option<Found>, FrameError> {
        let unread = &self.chunk[self.pos..];
        let room = self.limits.max_frame - self.carry.len();
        let window = &unread[..unread.len().min(room)];
        match self.scan.run(window) {
            Ok(Some(end)) => Ok(Some(self.complete(end))),
            Ok(None) if window.len() == room => self.too_long(),
            Ok(None) => {
                self.keep(window.len());
                Ok(None)
            }
            Err(fault) => self.broken(fault),
        }
    }

    /// The object ends `end` bytes on.
    fn complete(&mut self, end: usize) -> Found {
        let (at, known) = (self.item, self.scan.longest());
        self.state = State::Between;
        if self.carry.is_empty() {
            return Found { at, known, ..self.take(end) };
        }
        self.keep(end);
        self.carry.join();
        Found { joined: true, start: 0, len: self.carry.joined().len(), at, known }
    }

    /// Copies the next `len` bytes of the chunk behind the beginnings of the object.
    fn keep(&mut self, len: usize) {
        self.carry.add(&self.chunk[self.pos..self.pos + len], self.limits.max_frame);
        self.pos += len;
    }

    fn too_long<T>(&mut self) -> Result<T, FrameError> {
        self.fail(FrameError::TooLong { at: self.item, limit: self.limits.max_frame })
    }

    fn broken<T>(&mut self, fault: Fault) -> Result<T, FrameError> {
        let at = self.item + fault.at as u64;
        self.fail(match fault.kind {
            FaultKind::Expected(expected) => FrameError::Syntax { at, expected },
            FaultKind::TooDeep => FrameError::TooDeep { at, limit: self.limits.max_depth },
        })
    }
}
