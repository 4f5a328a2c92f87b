//! What can stand where an object should begin, and what the end of the stream means.

use super::{ObjectRange, Splitter, State};
use crate::error::FrameError;
use crate::span::Span;

impl Splitter {
    /// What the end of the stream means after what was read.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        let at = self.item_start;
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if self.unread_len() > 0 {
            return Err(FrameError::Unread { at: self.position() });
        }
        match &self.state {
            State::InObject => Err(FrameError::Truncated { at, end: self.position() }),
            State::Null(matched) => {
                Err(FrameError::SenderError { at, text: "null"[..*matched].to_owned() })
            }
            State::ErrorText(text) => match std::str::from_utf8(text) {
                Ok(text) => Err(FrameError::SenderError { at, text: text.to_owned() }),
                Err(_) => Err(FrameError::Garbage { at }),
            },
            State::BetweenObjects | State::Failed(_) => Ok(()),
        }
    }

    /// One byte of a `null`, which Go's decoder takes for an object without keys.
    pub(super) fn scan_null(&mut self, matched: usize) -> Option<ObjectRange> {
        if self.chunk[self.pos] != b"null"[matched] {
            self.state = State::ErrorText(b"null"[..matched].to_vec());
            return None;
        }
        self.pos += 1;
        if matched < 3 {
            self.state = State::Null(matched + 1);
            return None;
        }
        self.state = State::BetweenObjects;
        self.carry.set_static(b"null");
        Some(ObjectRange {
            in_carry: true,
            start: 0,
            len: 4,
            position: self.item_start,
            longest_string: Span::default(),
        })
    }

    /// Text after the last object. Whether it is one is known at its end; that it is not, at the
    /// first byte that no text has.
    pub(super) fn scan_error_text(&mut self) -> Result<(), FrameError> {
        let State::ErrorText(text) = &mut self.state else { return Ok(()) };
        let unread = &self.chunk[self.pos..];
        let control = |b: &u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r');
        let room = self.limits.max_error_text - text.len().min(self.limits.max_error_text);
        if unread.len() > room || unread.iter().any(control) {
            let at = self.item_start;
            return self.fail(FrameError::Garbage { at });
        }
        text.extend_from_slice(unread);
        self.pos = self.chunk.len();
        Ok(())
    }
}
