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
pub(crate) use quote::quote;
pub(crate) use string::string_end;

/// How every data frame of Nomad begins.
pub(crate) const DATA_PREFIX: &[u8; 9] = br#"{"Data":""#;

/// Why the bytes seen so far cannot become an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The offending byte, counted from the first byte of the object.
    pub(crate) at: usize,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Expected(&'static str),
    TooDeep,
}

/// Whether the `Data` of an object laid out as Nomad does is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Judge every byte now.
    Strict,
    /// Leave `Data` to whoever opens it.
    Lazy,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So far the object agrees with [`DATA_PREFIX`], up to this many bytes.
    Prefix(usize),
    /// Inside a `Data` that is not looked into; whether the last byte is an unpaired backslash.
    Lazy(bool),
    Begin,
    /// A key, or the end of an object that has none yet.
    FirstKey,
    Key,
    Colon,
    Value,
    /// A value, or the end of an array that has none yet.
    FirstValue,
    After,
    String,
    Escape,
    /// How many hexadecimal digits of a `\u` are still to come.
    Hex(u8),
    Number(Number),
    /// What is still to come of `true`, `false` or `null`.
    Word(&'static [u8]),
}

/// The state of the search for the end of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    state: State,
    /// Bytes seen so far.
    at: usize,
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
    open: u128,
    depth: u8,
    max_depth: u8,
    /// Whether the string being read is a key.
    key: bool,
    /// The first byte of the string being read.
    string: usize,
    /// The longest string so far, so that whoever reads the object need not search its end again.
    long: Span,
}

impl Scan {
    pub(crate) const fn new(look: Look, max_depth: u8) -> Self {
        let state = match look {
            Look::Strict => State::Begin,
            Look::Lazy => State::Prefix(0),
        };
        let long = Span::new(0, 0);
        Self { state, at: 0, open: 0, depth: 0, max_depth, key: false, string: 0, long }
    }

    /// The state after `bytes`, which begin with [`DATA_PREFIX`] and hold no quote after it.
    pub(crate) fn inside_data(bytes: &[u8], max_depth: u8) -> Self {
        let odd = string::ends_escaped(&bytes[DATA_PREFIX.len()..], false);
        let mut scan = Self::new(Look::Lazy, max_depth);
        scan.enter_data();
        scan.state = State::Lazy(odd);
        scan.at = bytes.len();
        scan
    }

    /// Takes the next bytes of the object. `Some(n)`: the object ends after `n` of them. `None`:
    /// all were taken and the object goes on.
    pub(crate) fn run(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let mut i = 0;
        while i < bytes.len() {
            let taken = match self.state {
                State::Lazy(odd) => self.lazy(&bytes[i..], odd),
                State::String => self.string(&bytes[i..])?,
                _ => self.step(bytes[i])?,
            };
            i += taken;
            self.at += taken;
            if self.depth == 0 && matches!(self.state, State::After) {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    /// Where in `bytes`, the next of the object, the `Data` ends that nobody looks into.
    /// `Some(None)`: not in them, and they have been taken. `None`: it is not in such a `Data`.
    pub(crate) fn data_end(&mut self, bytes: &[u8]) -> Option<Option<usize>> {
        let State::Lazy(odd) = self.state else { return None };
        let end = string_end(bytes, odd);
        if end.is_none() {
            self.at += self.pass_data(bytes, odd);
        }
        Some(end)
    }

    /// The content of the longest string in the object.
    pub(crate) const fn longest(&self) -> Span {
        self.long
    }

    /// One byte outside the long runs. Returns how many bytes were taken: 1, or 0 when the byte
    /// ends a number and has to be looked at again.
    fn step(&mut self, byte: u8) -> Result<usize, Fault> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') && self.may_be_blank() {
            return Ok(1);
        }
        match (self.state, byte) {
            (State::Prefix(matched), _) => return self.prefix(matched, byte),
            (State::Begin, b'{') => self.open(true)?,
            (State::FirstKey | State::Key, b'"') => self.begin_string(true),
            (State::Colon, b':') => self.state = State::Value,
            (State::FirstKey, b'}') | (State::FirstValue, b']') => self.close(),
            (State::Value | State::FirstValue, _) => self.value(byte)?,
            (State::After, _) => self.after(byte)?,
            (State::Escape, b'u') => self.state = State::Hex(4),
            (State::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.state = State::String;
            }
            (State::Hex(left), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.state = if left == 1 { State::String } else { State::Hex(left - 1) };
            }
            (State::Number(number), _) => return self.number(number, byte),
            (State::Word([next, rest @ ..]), _) if *next == byte => {
                self.state = if rest.is_empty() { State::After } else { State::Word(rest) };
            }
            _ => return Err(self.fault()),
        }
        Ok(1)
    }

    const fn may_be_blank(&self) -> bool {
        matches!(
            self.state,
            State::FirstKey
                | State::Key
                | State::Colon
                | State::Value
                | State::FirstValue
                | State::After
        )
    }

    /// Goes on as long as the object is laid out as Nomad does. At the first difference the
    /// bytes matched so far, which are known, go through the grammar.
    fn prefix(&mut self, matched: usize, byte: u8) -> Result<usize, Fault> {
        if byte == DATA_PREFIX[matched] {
            self.state = State::Prefix(matched + 1);
            if matched + 1 == DATA_PREFIX.len() {
                self.enter_data();
            }
            return Ok(1);
        }
        self.state = State::Begin;
        self.at = 0;
        self.run(&DATA_PREFIX[..matched])?;
        Ok(0)
    }

    fn enter_data(&mut self) {
        self.open = 1;
        self.depth = 1;
        self.key = false;
        self.string = DATA_PREFIX.len();
        self.state = State::Lazy(false);
    }

    fn value(&mut self, byte: u8) -> Result<(), Fault> {
        self.state = match byte {
            b'{' | b'[' => return self.open(byte == b'{'),
            b'"' => {
                self.begin_string(false);
                return Ok(());
            }
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            _ => State::Number(Number::begin(byte).ok_or_else(|| self.fault())?),
        };
        Ok(())
    }

    fn number(&mut self, number: Number, byte: u8) -> Result<usize, Fault> {
        if let Some(next) = number.then(byte) {
            self.state = State::Number(next);
            return Ok(1);
        }
        if !number.is_whole() {
            return Err(self.fault());
        }
        self.state = State::After;
        Ok(0)
    }

    fn after(&mut self, byte: u8) -> Result<(), Fault> {
        let in_object = self.open & 1 == 1;
        match (byte, in_object) {
            (b',', true) => self.state = State::Key,
            (b',', false) => self.state = State::Value,
            (b'}', true) | (b']', false) => self.close(),
            _ => return Err(self.fault()),
        }
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Fault> {
        if self.depth == self.max_depth {
            return Err(Fault { at: self.at, kind: FaultKind::TooDeep });
        }
        self.depth += 1;
        self.open = self.open << 1 | u128::from(object);
        self.state = if object { State::FirstKey } else { State::FirstValue };
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.open >>= 1;
        self.state = State::After;
    }

    fn begin_string(&mut self, key: bool) {
        self.key = key;
        self.string = self.at + 1;
        self.state = State::String;
    }

    /// `end` is where the closing quote stands.
    fn end_string(&mut self, end: usize) {
        let span = Span::new(self.string, end);
        if span.len() > self.long.len() {
            self.long = span;
        }
        self.state = if self.key { State::Colon } else { State::After };
    }

    fn fault(&self) -> Fault {
        let expected = match self.state {
            State::Prefix(_) | State::Begin => "an object",
            State::FirstKey => "a key or `}`",
            State::Key => "a key",
            State::Colon => "a colon",
            State::Value => "a value",
            State::FirstValue => "a value or `]`",
            State::After if self.open & 1 == 1 => "a comma or `}`",
            State::After => "a comma or `]`",
            State::String | State::Lazy(_) => "no control character in a string",
            State::Escape => "an escape",
            State::Hex(_) => "a hexadecimal digit",
            State::Number(_) => "a digit",
            State::Word(_) => "`true`, `false` or `null`",
        };
        Fault { at: self.at, kind: FaultKind::Expected(expected) }
    }
}

#[cfg(test)]
mod tests;
