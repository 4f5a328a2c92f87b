//! Where does this object end? A JSON grammar that can stop at any byte and go on at the next.
//!
//! ```text
//!          "{"        key          ":"         value          ","
//!  Begin ──────► Key ─────► Colon ─────► Value ──────► After ─────┐
//!                 ▲                        │ ▲           │        │
//!                 │                "{" "[" │ │ "," in [] │ "}" "]"│
//!                 │                        ▼ │           ▼        │
//!                 └────────────────── one level deeper  one level up, depth 0: done
//! ```
//!
//! The scanner sees each byte once, keeps no byte, and holds a few words of state, so its cost
//! is linear in what is received and does not depend on how that is cut up.
//!
//! One string is not looked into: the `Data` of an object that begins `{"Data":"`, as all of
//! Nomad's data frames do. Only its end is searched, at the speed of the cache; what it holds is
//! judged when the payload is opened.

mod number;
mod quote;
mod string;

use crate::span::Span;
use number::Number;
pub(crate) use quote::find_quote;
pub(crate) use string::find_string_end;

/// How every data frame of Nomad begins.
pub(crate) const DATA_PREFIX: &[u8; 9] = br#"{"Data":""#;

/// Why the bytes seen so far cannot become an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanError {
    /// The offending byte, counted from the first byte of the object.
    pub(crate) at: usize,
    pub(crate) kind: ScanErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanErrorKind {
    Expected(&'static str),
    TooDeep,
}

/// Whether the `Data` of an object laid out as Nomad does is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validation {
    /// Judge every byte now.
    Strict,
    /// Leave `Data` to whoever opens it.
    SkipData,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So far the object agrees with [`DATA_PREFIX`], up to this many bytes.
    Prefix(usize),
    /// InObject a `Data` that is not looked into; whether the last byte is an unpaired backslash.
    InSkippedData(bool),
    Start,
    /// A key, or the end of an object that has none yet.
    FirstKey,
    Key,
    Colon,
    Value,
    /// A value, or the end of an array that has none yet.
    FirstValue,
    AfterValue,
    String,
    Escape,
    /// How many hexadecimal digits of a `\u` are still to come.
    Hex(u8),
    Number(Number),
    /// What is still to come of `true`, `false` or `null`.
    Literal(&'static [u8]),
}

/// The state of the search for the end of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    state: State,
    /// Complete seen so far.
    at: usize,
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
    brackets: u128,
    depth: u8,
    max_depth: u8,
    /// Whether the string being read is a key.
    in_key: bool,
    /// The first byte of the string being read.
    string_start: usize,
    /// The longest string so far, so that whoever reads the object need not search its end again.
    longest_string: Span,
}

impl Scanner {
    pub(crate) const fn new(look: Validation, max_depth: u8) -> Self {
        let state = match look {
            Validation::Strict => State::Start,
            Validation::SkipData => State::Prefix(0),
        };
        let long = Span::new(0, 0);
        Self {
            state,
            at: 0,
            brackets: 0,
            depth: 0,
            max_depth,
            in_key: false,
            string_start: 0,
            longest_string: long,
        }
    }

    /// The state after `bytes`, which begin with [`DATA_PREFIX`] and hold no quote after it.
    pub(crate) fn from_data_prefix(bytes: &[u8], max_depth: u8) -> Self {
        let odd = string::ends_with_escape(&bytes[DATA_PREFIX.len()..], false);
        let mut scan = Self::new(Validation::SkipData, max_depth);
        scan.enter_data();
        scan.state = State::InSkippedData(odd);
        scan.at = bytes.len();
        scan
    }

    /// Takes the next bytes of the object. `Some(n)`: the object ends after `n` of them. `None`:
    /// all were taken and the object goes on.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, ScanError> {
        let mut i = 0;
        while i < bytes.len() {
            let taken = match self.state {
                State::InSkippedData(odd) => self.scan_skipped_data(&bytes[i..], odd),
                State::String => self.scan_string(&bytes[i..])?,
                _ => self.scan_byte(bytes[i])?,
            };
            i += taken;
            self.at += taken;
            if self.depth == 0 && matches!(self.state, State::AfterValue) {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    /// Where in `bytes`, the next of the object, the `Data` ends that nobody looks into.
    /// `Some(None)`: not in them, and they have been taken. `None`: it is not in such a `Data`.
    pub(crate) fn find_data_end(&mut self, bytes: &[u8]) -> Option<Option<usize>> {
        let State::InSkippedData(odd) = self.state else { return None };
        let end = find_string_end(bytes, odd);
        if end.is_none() {
            self.at += self.skip_data(bytes, odd);
        }
        Some(end)
    }

    /// The content of the longest string in the object.
    pub(crate) const fn longest_string(&self) -> Span {
        self.longest_string
    }

    /// One byte outside the long runs. Returns how many bytes were taken: 1, or 0 when the byte
    /// ends a number and has to be looked at again.
    fn scan_byte(&mut self, byte: u8) -> Result<usize, ScanError> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') && self.allows_blank() {
            return Ok(1);
        }
        match (self.state, byte) {
            (State::Prefix(matched), _) => return self.scan_prefix(matched, byte),
            (State::Start, b'{') => self.open_bracket(true)?,
            (State::FirstKey | State::Key, b'"') => self.begin_string(true),
            (State::Colon, b':') => self.state = State::Value,
            (State::FirstKey, b'}') | (State::FirstValue, b']') => self.close_bracket(),
            (State::Value | State::FirstValue, _) => self.begin_value(byte)?,
            (State::AfterValue, _) => self.after_value(byte)?,
            (State::Escape, b'u') => self.state = State::Hex(4),
            (State::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.state = State::String;
            }
            (State::Hex(left), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.state = if left == 1 { State::String } else { State::Hex(left - 1) };
            }
            (State::Number(number), _) => return self.scan_number(number, byte),
            (State::Literal([next, rest @ ..]), _) if *next == byte => {
                self.state = if rest.is_empty() { State::AfterValue } else { State::Literal(rest) };
            }
            _ => return Err(self.syntax_error()),
        }
        Ok(1)
    }

    const fn allows_blank(&self) -> bool {
        matches!(
            self.state,
            State::FirstKey
                | State::Key
                | State::Colon
                | State::Value
                | State::FirstValue
                | State::AfterValue
        )
    }

    /// Goes on as long as the object is laid out as Nomad does. At the first difference the
    /// bytes matched so far, which are known, go through the grammar.
    fn scan_prefix(&mut self, matched: usize, byte: u8) -> Result<usize, ScanError> {
        if byte == DATA_PREFIX[matched] {
            self.state = State::Prefix(matched + 1);
            if matched + 1 == DATA_PREFIX.len() {
                self.enter_data();
            }
            return Ok(1);
        }
        self.state = State::Start;
        self.at = 0;
        self.scan(&DATA_PREFIX[..matched])?;
        Ok(0)
    }

    fn enter_data(&mut self) {
        self.brackets = 1;
        self.depth = 1;
        self.in_key = false;
        self.string_start = DATA_PREFIX.len();
        self.state = State::InSkippedData(false);
    }

    fn begin_value(&mut self, byte: u8) -> Result<(), ScanError> {
        self.state = match byte {
            b'{' | b'[' => return self.open_bracket(byte == b'{'),
            b'"' => {
                self.begin_string(false);
                return Ok(());
            }
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => State::Number(Number::start(byte).ok_or_else(|| self.syntax_error())?),
        };
        Ok(())
    }

    fn scan_number(&mut self, number: Number, byte: u8) -> Result<usize, ScanError> {
        if let Some(next) = number.advance(byte) {
            self.state = State::Number(next);
            return Ok(1);
        }
        if !number.may_end() {
            return Err(self.syntax_error());
        }
        self.state = State::AfterValue;
        Ok(0)
    }

    fn after_value(&mut self, byte: u8) -> Result<(), ScanError> {
        let in_object = self.brackets & 1 == 1;
        match (byte, in_object) {
            (b',', true) => self.state = State::Key,
            (b',', false) => self.state = State::Value,
            (b'}', true) | (b']', false) => self.close_bracket(),
            _ => return Err(self.syntax_error()),
        }
        Ok(())
    }

    fn open_bracket(&mut self, object: bool) -> Result<(), ScanError> {
        if self.depth == self.max_depth {
            return Err(ScanError { at: self.at, kind: ScanErrorKind::TooDeep });
        }
        self.depth += 1;
        self.brackets = self.brackets << 1 | u128::from(object);
        self.state = if object { State::FirstKey } else { State::FirstValue };
        Ok(())
    }

    fn close_bracket(&mut self) {
        self.depth -= 1;
        self.brackets >>= 1;
        self.state = State::AfterValue;
    }

    fn begin_string(&mut self, key: bool) {
        self.in_key = key;
        self.string_start = self.at + 1;
        self.state = State::String;
    }

    /// `end` is where the closing quote stands.
    fn end_string(&mut self, end: usize) {
        let span = Span::new(self.string_start, end);
        if span.len() > self.longest_string.len() {
            self.longest_string = span;
        }
        self.state = if self.in_key { State::Colon } else { State::AfterValue };
    }

    fn syntax_error(&self) -> ScanError {
        let expected = match self.state {
            State::Prefix(_) | State::Start => "an object",
            State::FirstKey => "a key or `}`",
            State::Key => "a key",
            State::Colon => "a colon",
            State::Value => "a value",
            State::FirstValue => "a value or `]`",
            State::AfterValue if self.brackets & 1 == 1 => "a comma or `}`",
            State::AfterValue => "a comma or `]`",
            State::String | State::InSkippedData(_) => "no control character in a string",
            State::Escape => "an escape",
            State::Hex(_) => "a hexadecimal digit",
            State::Number(_) => "a digit",
            State::Literal(_) => "`true`, `false` or `null`",
        };
        ScanError { at: self.at, kind: ScanErrorKind::Expected(expected) }
    }
}

#[cfg(test)]
mod tests;
