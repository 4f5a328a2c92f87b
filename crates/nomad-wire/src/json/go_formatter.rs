//! The spelling of numbers and strings, as a `serde_json` formatter.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// Below this a float is written with an exponent.
const MIN_PLAIN_FLOAT: f64 = 1e-6;
/// From this on a float is written with an exponent.
const MAX_PLAIN_FLOAT: f64 = 1e21;

/// Characters `serde_json` leaves alone and Nomad's encoder does not.
///
/// U+FFFD is among them because a Rust string that holds it was, as good as always, made from
/// bytes that were not text, and such bytes are written as an escape.
const NOMAD_ESCAPED: [char; 3] = ['\u{2028}', '\u{2029}', char::REPLACEMENT_CHARACTER];

/// What Go's standard encoder escapes on top, so that JSON may stand inside HTML.
const HTML_ESCAPED: [char; 3] = ['<', '>', '&'];

/// Prints compactly as Go's standard `encoding/json` does: `<`, `>` and `&` are escaped too.
///
/// Nomad uses this one only where a handler makes its own text, as the unhealthy answer of
/// `/v1/agent/health` does.
///
/// # Errors
///
/// As [`to_json`](super::to_json): never for a body of this crate.
pub fn to_json_escaped<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    let form = GoFormatter { inner: CompactFormatter, html: true };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, form))?;
    Ok(out)
}

/// Wraps a formatter that knows the white space and adds Go's spelling of the leaves.
pub(super) struct GoFormatter<F> {
    inner: F,
    html: bool,
}

impl<F: Formatter> GoFormatter<F> {
    /// The spelling of Nomad's own encoder.
    pub(super) const fn new(shape: F) -> Self {
        Self { inner: shape, html: false }
    }

    /// Whether the character must not stand in a string as it is.
    fn must_escape(&self, c: char) -> bool {
        NOMAD_ESCAPED.contains(&c) || (self.html && HTML_ESCAPED.contains(&c))
    }
}

/// Writes a float as its shortest decimal.
fn write_float<W: Write + ?Sized>(to: &mut W, magnitude: f64, form: &Decimal) -> io::Result<()> {
    if magnitude != 0.0 && !(MIN_PLAIN_FLOAT..MAX_PLAIN_FLOAT).contains(&magnitude) {
        // Rust writes `1e-7`; Go signs the exponent always and gives it two digits at least.
        let (mantissa, exponent) =
            form.scientific.split_once('e').unwrap_or((&form.scientific, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        return write!(to, "{mantissa}e{sign}{digits:0>2}");
    }
    to.write_all(form.positional.as_bytes())?;
    if form.positional.contains('.') { Ok(()) } else { to.write_all(b".0") }
}

/// The shortest decimal of a float, in Rust's two spellings.
struct Decimal {
    positional: String,
    scientific: String,
}

impl<F: Formatter> Formatter for GoFormatter<F> {
    fn write_f32<W: Write + ?Sized>(&mut self, to: &mut W, value: f32) -> io::Result<()> {
        let form = Decimal { positional: value.to_string(), scientific: format!("{value:e}") };
        write_float(to, f64::from(value).abs(), &form)
    }

    fn write_f64<W: Write + ?Sized>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        let form = Decimal { positional: value.to_string(), scientific: format!("{value:e}") };
        write_float(to, value.abs(), &form)
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        to: &mut W,
        part: &str,
    ) -> io::Result<()> {
        let mut rest = part;
        while let Some(at) = rest.find(|c| self.must_escape(c)) {
            let (plain, from) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                write!(to, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        to.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: Write + ?Sized>(
        &mut self,
        to: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.inner.write_char_escape(to, escape)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.begin_array(to)
    }

    fn end_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.end_array(to)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.inner.begin_array_value(to, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.end_array_value(to)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.begin_object(to)
    }

    fn end_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.end_object(to)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.inner.begin_object_key(to, first)
    }

    fn end_object_key<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.end_object_key(to)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.begin_object_value(to)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.inner.end_object_value(to)
    }
}
