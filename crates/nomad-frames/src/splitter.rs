//! Chunks in, whole objects out: what is kept between two chunks, and where it is kept.

mod carry;
mod end_of_stream;

use std::collections::VecDeque;

use bytes::Bytes;

use carry::Carry;

use crate::error::FrameError;
use crate::limits::Limits;
use crate::scanner::{ScanError, ScanErrorKind, Scanner, Validation};
use crate::span::Span;

/// Where the next byte belongs.
#[derive(Debug)]
enum State {
    /// Between two objects.
    BetweenObjects,
    /// In an object, of which `carry` holds what came in earlier chunks.
    InObject,
    /// In a `null` where an object could stand, of which this many bytes were seen.
    Null(usize),
    /// In text after the last object.
    ErrorText(Vec<u8>),
    /// Nothing comes any more.
    Failed(FrameError),
}

/// A whole object: `len` bytes from `start` in the chunk or, if `joined`, in the carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectRange {
    pub(crate) in_carry: bool,
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Its first byte, counted from the start of the stream.
    pub(crate) position: u64,
    /// Its longest string.
    pub(crate) longest_string: Span,
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
    validation: Validation,
    state: State,
    scanner: Scanner,
    chunk: Bytes,
    pos: usize,
    /// The position in the stream of the first byte of `chunk`.
    chunk_start: u64,
    /// The position in the stream of the object or text in progress.
    item_start: u64,
    carry: Carry,
    queue: VecDeque<Bytes>,
    queued_len: usize,
}

impl Splitter {
    pub(crate) fn new(limits: Limits, look: Validation) -> Self {
        let limits = limits.clamp();
        Self {
            limits,
            validation: look,
            state: State::BetweenObjects,
            scanner: Scanner::new(look, limits.max_depth),
            chunk: Bytes::new(),
            pos: 0,
            chunk_start: 0,
            item_start: 0,
            carry: Carry::default(),
            queue: VecDeque::new(),
            queued_len: 0,
        }
    }

    /// Takes a chunk, or gives it back when too much is waiting already.
    pub(crate) fn feed(&mut self, chunk: Bytes) -> Result<(), Bytes> {
        let unread = self.unread_len();
        if unread > 0 && unread.saturating_add(chunk.len()) > self.limits.max_buffered {
            return Err(chunk);
        }
        if unread == 0 {
            self.replace_chunk(chunk);
        } else if !chunk.is_empty() {
            self.queued_len += chunk.len();
            self.queue.push_back(chunk);
        }
        Ok(())
    }

    /// The unread bytes of the chunk, no more than a frame may have, if a frame begins there.
    #[inline]
    pub(crate) fn window(&self) -> Option<&[u8]> {
        let unread = &self.chunk[self.pos..];
        match self.state {
            State::BetweenObjects if !unread.is_empty() => {
                Some(&unread[..unread.len().min(self.limits.max_frame)])
            }
            _ => None,
        }
    }

    /// Takes an object of `len` bytes that begins where the [window](Self::window) does.
    #[inline]
    pub(crate) fn take_object(&mut self, len: usize) -> ObjectRange {
        let start = self.pos;
        self.pos += len;
        let at = self.chunk_start + start as u64;
        ObjectRange { in_carry: false, start, len, position: at, longest_string: Span::default() }
    }

    /// Begins an object with the whole window, which ends inside a `Data` that nobody looks into.
    pub(crate) fn start_inside_data(&mut self) {
        if let Some(window) = self.window() {
            let scan = Scanner::from_data_prefix(window, self.limits.max_depth);
            let len = window.len();
            self.item_start = self.chunk_start + self.pos as u64;
            self.scanner = scan;
            self.state = State::InObject;
            self.carry_over(len);
        }
    }

    /// Goes on with a `Data` that nobody looks into. Returns what follows from its closing quote
    /// on, and where in the object that quote is; or nothing, and then all up to the end of the
    /// chunk belongs to the data, or there is no data to go on with.
    pub(crate) fn continue_data(&mut self) -> Option<(&[u8], usize)> {
        if !matches!(self.state, State::InObject) {
            return None;
        }
        let unread = &self.chunk[self.pos..];
        let room = self.limits.max_frame.saturating_sub(self.carry.len());
        let window = &unread[..unread.len().min(room)];
        match self.scanner.find_data_end(window)? {
            Some(quote) => Some((
                &self.chunk[self.pos + quote..][..window.len() - quote],
                self.carry.len() + quote,
            )),
            None => {
                let len = window.len();
                self.carry_over(len);
                None
            }
        }
    }

    /// Takes the object in progress, which is `len` bytes long in all.
    pub(crate) fn take_carried(&mut self, len: usize) -> ObjectRange {
        self.finish_object(len - self.carry.len())
    }

    /// The next whole object, or nothing if the bytes fed so far have no more.
    pub(crate) fn next_object(&mut self) -> Result<Option<ObjectRange>, FrameError> {
        loop {
            if let State::Failed(error) = &self.state {
                return Err(error.clone());
            }
            if self.carry.len() >= self.limits.max_frame {
                return self.fail_too_long();
            }
            if self.pos == self.chunk.len() && !self.next_chunk() {
                return Ok(None);
            }
            let found = match self.state {
                State::BetweenObjects => {
                    self.start_item();
                    None
                }
                State::InObject => self.scan_object()?,
                State::Null(matched) => self.scan_null(matched),
                State::ErrorText(_) => {
                    self.scan_error_text()?;
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
    pub(crate) fn fail_if_invalid(
        &mut self,
        found: ObjectRange,
        seen: Result<(), ScanError>,
    ) -> Result<(), FrameError> {
        self.item_start = found.position;
        seen.or_else(|fault| self.fail_invalid(fault))
    }

    /// Where reading stands, counted from the start of the stream.
    pub(crate) fn position(&self) -> u64 {
        self.chunk_start + self.pos as u64
    }

    /// How many bytes were copied to join frames that straddle chunks.
    pub(crate) const fn copied_bytes(&self) -> u64 {
        self.carry.copied_bytes()
    }

    /// How many bytes are held: fed and not read, or read and part of an unfinished object.
    pub(crate) fn buffered_len(&self) -> usize {
        let text = if let State::ErrorText(text) = &self.state { text.len() } else { 0 };
        self.unread_len() + self.carry.len() + text
    }

    /// The buffer that the object just found lies in.
    #[inline]
    pub(crate) fn buffer(&self, found: ObjectRange) -> &Bytes {
        if found.in_carry { self.carry.object() } else { &self.chunk }
    }

    /// Ends the stream with `error`, now and at every later call.
    pub(crate) fn fail<T>(&mut self, error: FrameError) -> Result<T, FrameError> {
        self.chunk = Bytes::new();
        self.carry.clear();
        self.queue = VecDeque::new();
        (self.chunk_start, self.pos, self.queued_len) = (self.position(), 0, 0);
        self.state = State::Failed(error.clone());
        Err(error)
    }

    fn unread_len(&self) -> usize {
        self.chunk.len() - self.pos + self.queued_len
    }

    fn replace_chunk(&mut self, chunk: Bytes) {
        self.chunk_start += self.pos as u64;
        self.pos = 0;
        self.chunk = chunk;
    }

    fn next_chunk(&mut self) -> bool {
        let Some(chunk) = self.queue.pop_front() else {
            // Whoever reads from a socket can use the buffer again once this handle is gone.
            self.replace_chunk(Bytes::new());
            return false;
        };
        self.queued_len -= chunk.len();
        self.replace_chunk(chunk);
        true
    }

    /// Skips blanks up to the first byte of whatever comes next.
    fn start_item(&mut self) {
        let unread = &self.chunk[self.pos..];
        let blanks = unread.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        self.pos += blanks.count();
        self.item_start = self.position();
        match self.chunk.get(self.pos) {
            None => {}
            Some(b'{') => {
                self.scanner = Scanner::new(self.validation, self.limits.max_depth);
                self.state = State::InObject;
            }
            Some(b'n') => self.state = State::Null(0),
            Some(_) => self.state = State::ErrorText(Vec::new()),
        }
    }

    fn scan_object(&mut self) -> Result<Option<ObjectRange>, FrameError> {
        let unread = &self.chunk[self.pos..];
        let room = self.limits.max_frame - self.carry.len();
        let window = &unread[..unread.len().min(room)];
        match self.scanner.scan(window) {
            Ok(Some(end)) => Ok(Some(self.finish_object(end))),
            Ok(None) if window.len() == room => self.fail_too_long(),
            Ok(None) => {
                self.carry_over(window.len());
                Ok(None)
            }
            Err(fault) => self.fail_invalid(fault),
        }
    }

    /// The object ends `end` bytes on.
    fn finish_object(&mut self, end: usize) -> ObjectRange {
        let (at, known) = (self.item_start, self.scanner.longest_string());
        self.state = State::BetweenObjects;
        if self.carry.is_empty() {
            return ObjectRange { position: at, longest_string: known, ..self.take_object(end) };
        }
        self.carry_over(end);
        self.carry.finish_object();
        ObjectRange {
            in_carry: true,
            start: 0,
            len: self.carry.object().len(),
            position: at,
            longest_string: known,
        }
    }

    /// Copies the next `len` bytes of the chunk behind the beginnings of the object.
    fn carry_over(&mut self, len: usize) {
        self.carry.push(&self.chunk[self.pos..self.pos + len], self.limits.max_frame);
        self.pos += len;
    }

    fn fail_too_long<T>(&mut self) -> Result<T, FrameError> {
        self.fail(FrameError::TooLong { at: self.item_start, limit: self.limits.max_frame })
    }

    fn fail_invalid<T>(&mut self, fault: ScanError) -> Result<T, FrameError> {
        let at = self.item_start + fault.at as u64;
        self.fail(match fault.kind {
            ScanErrorKind::Expected(expected) => FrameError::Syntax { at, expected },
            ScanErrorKind::TooDeep => FrameError::TooDeep { at, limit: self.limits.max_depth },
        })
    }
}
