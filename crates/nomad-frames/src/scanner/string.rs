//! Strings: the only long runs in a frame, so the only part that is searched and not stepped.

use memchr::memchr2;

use super::{ScanError, Scanner, State, quote};

impl Scanner {
    /// Inside a `Data` that is not looked into: nothing counts but a quote that no backslash
    /// escapes. Returns how many bytes were taken.
    pub(super) fn scan_skipped_data(&mut self, bytes: &[u8], odd: bool) -> usize {
        match find_string_end(bytes, odd) {
            Some(end) => {
                self.end_string(self.at + end);
                end + 1
            }
            None => self.skip_data(bytes, odd),
        }
    }

    /// Takes `bytes`, in which such a `Data` does not end.
    pub(super) fn skip_data(&mut self, bytes: &[u8], odd: bool) -> usize {
        self.state = State::InSkippedData(ends_with_escape(bytes, odd));
        bytes.len()
    }

    /// Inside any other string: up to its quote or to the next escape, refusing control
    /// characters. Returns how many bytes were taken.
    pub(super) fn scan_string(&mut self, bytes: &[u8]) -> Result<usize, ScanError> {
        let stop = memchr2(b'"', b'\\', bytes);
        let run = &bytes[..stop.unwrap_or(bytes.len())];
        if has_control(run) {
            let at = run.iter().position(|b| *b < b' ').unwrap_or_default();
            self.at += at;
            return Err(self.syntax_error());
        }
        let Some(stop) = stop else { return Ok(bytes.len()) };
        if bytes[stop] == b'"' {
            self.end_string(self.at + stop);
        } else {
            self.state = State::Escape;
        }
        Ok(stop + 1)
    }
}

/// Whether there is a byte that JSON forbids in a string. Written without an early way out, so
/// that the compiler turns it into vector code.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, b| found | (*b < b' '))
}

/// The first quote in `bytes` that no backslash escapes; `odd` says that an unpaired backslash
/// stands just before them.
pub(crate) fn find_string_end(bytes: &[u8], odd: bool) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + quote::find_quote(&bytes[from..])?;
        // Each run of backslashes lies between two quotes, so all runs together are linear.
        if !ends_with_escape(&bytes[from..quote], odd && from == 0) {
            return Some(quote);
        }
        from = quote + 1;
    }
}

/// Whether the byte after `bytes` is escaped, where `odd` says the same of the first of them.
pub(super) fn ends_with_escape(bytes: &[u8], odd: bool) -> bool {
    let run = bytes.iter().rev().take_while(|b| **b == b'\\').count();
    let carried = run == bytes.len() && odd;
    (run % 2 == 1) != carried
}
