//! What can stand where an object should begin, and what the end of the stream means.

use super::{Found, Splitter, State};
use crate::error::FrameError;
use crate::span::Span;

impl Splitter {
    /// What the end of the stream means after what was read.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        let at = self.item;
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if self.unread() > 0 {
            return Err(FrameError::Unread { at: self.position() });
        }
        match &self.state {
            State::Inside => Err(FrameError::Truncated { at, end: self.position() }),
            State::Null(matched) => {
                Err(FrameError::Reported { at, text: "null"[..*matched].to_owned() })
            }
            State::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Err(FrameError::Reported { at, text: text.to_owned() }),
                Err(_) => Err(FrameError::Garbage { at }),
            },
            State::Between | State::Failed(_) => Ok(()),
        }
    }

    /// One byte of a `null`, which Go's decoder takes for an object without keys.
    pub(super) fn null(&mut self, matched: usize) -> Option<Found> {
        if self.chunk[self.pos] != b"null"[matched] {
            self.state = State::Text(b"null"[..matched].to_vec());
            return None;
        }
        self.pos += 1;
        if matched < 3 {
            self.state = State::Null(matched + 1);
            return None;
        }
        self.state = State::Between;
        self.carry.join_static(b"null");
        Some(Found { joined: true, start: 0, len: 4, at: self.item, known: Span::default() })
    }

    /// Text after the last object. Whether it is one is known at its end; that it is not, at the
    /// first byte that no text has.
    pub(super) fn text(&mut self) -> Result<(), FrameError> {
        let State::Text(text) = &mut self.state else { return Ok(()) };
        let unread = &self.chunk[self.pos..];
        let control = |b: &u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r');
        let room = self.limits.max_text - text.len().min(self.limits.max_text);
        if unread.len() > room || unread.iter().any(control) {
            let at = self.item;
            return self.fail(FrameError::Garbage { at });
        }
        text.extend_from_slice(unread);
        self.pos = self.chunk.len();
        Ok(())
    }
}
