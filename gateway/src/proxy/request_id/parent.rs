//! `traceparent`: which trace a request belongs to, and which span of it sent the request (W3C Trace Context, section 3.2).

use std::fmt;

use http::HeaderValue;

/// `00-` and 32, 16 and 2 digits with dashes between them.
const LEN: usize = 55;

/// The flags that are defined: sampled, and a random trace id. Others must not be sent.
const FLAGS: u8 = 0b11;

/// The id of a trace: sixteen bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 32]);

/// The id of a span: eight bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 16]);

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span that sent the request.
    pub span: SpanId,
    /// Whether the trace is recorded, among others.
    flags: u8,
}

impl TraceParent {
    /// A trace of which nothing is known but its ids: nobody has said that it is recorded.
    pub(super) const fn new(trace: TraceId, span: SpanId) -> Self {
        Self { trace, span, flags: 0 }
    }

    /// Reads a value; nothing when it is not valid. A later version may have more behind a further dash, which is left out,
    /// since it is not known what it means.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, more) = text.split_at_checked(LEN)?;
        let [b0, b1, b'-', rest @ ..] = known else { return None };
        let version = byte([*b0, *b1])?;
        let is_complete = match version {
            0xff => false,
            0 => more.is_empty(),
            _ => more.first().is_none_or(|next| *next == b'-'),
        };
        let (trace, rest) = rest.split_first_chunk::<32>()?;
        let [b'-', rest @ ..] = rest else { return None };
        let (span, rest) = rest.split_first_chunk::<16>()?;
        let [b'-', f0, f1] = rest else { return None };
        let flags = byte([*f0, *f1])? & FLAGS;
        let parent = Self { trace: TraceId::read(*trace)?, span: SpanId::read(*span)?, flags };
        is_complete.then_some(parent)
    }

    /// The same trace, as another span sends it on.
    #[must_use]
    pub const fn sent_by(self, span: SpanId) -> Self {
        Self { span, ..self }
    }

    /// The value of the header.
    #[must_use]
    pub fn to_header(self) -> HeaderValue {
        let mut text = [b'-'; LEN];
        text[..2].copy_from_slice(b"00");
        text[3..35].copy_from_slice(&self.trace.0);
        text[36..52].copy_from_slice(&self.span.0);
        text[53..].copy_from_slice(&hex::<1, 2>([self.flags]));
        // Digits and dashes can always stand in a header.
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

impl TraceId {
    fn read(digits: [u8; 32]) -> Option<Self> {
        is_id(&digits).then_some(Self(digits))
    }

    /// From random bytes.
    pub(super) fn new(random: u128) -> Self {
        Self(hex(random.max(1).to_be_bytes()))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl SpanId {
    fn read(digits: [u8; 16]) -> Option<Self> {
        is_id(&digits).then_some(Self(digits))
    }

    /// From random bytes.
    pub(super) fn new(random: u64) -> Self {
        Self(hex(random.max(1).to_be_bytes()))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lower-case digits that are not all zero.
fn is_id(digits: &[u8]) -> bool {
    digits.iter().all(|digit| value(*digit).is_some()) && digits.iter().any(|digit| *digit != b'0')
}

/// Upper-case digits are not allowed.
const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn byte([high, low]: [u8; 2]) -> Option<u8> {
    Some(value(high)? << 4 | value(low)?)
}

fn hex<const BYTES: usize, const DIGITS: usize>(bytes: [u8; BYTES]) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    digits
}

const fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[value as usize]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(text: &str) -> Option<TraceParent> {
        TraceParent::parse(text.as_bytes())
    }

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let parent = parse(EXAMPLE).unwrap();
        assert_eq!(parent.trace.as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span.as_str(), "00f067aa0ba902b7");
        assert_eq!(parent.to_header(), EXAMPLE);
        let sent = parent.sent_by(SpanId::new(0xab)).to_header();
        assert_eq!(sent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01");
        assert_eq!(SpanId::new(0).as_str(), "0000000000000001", "no id is all zero");
    }

    #[test]
    fn what_is_not_valid_is_not_read() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for more in ["", "-", "-what-the-future-will-be-like"] {
            let text = format!("cc{}{more}", &EXAMPLE[2..]);
            assert_eq!(parse(&text), parse(EXAMPLE), "{text}");
        }
        let flags = format!("{}ff", &EXAMPLE[..53]);
        assert!(parse(&flags).unwrap().to_header().to_str().unwrap().ends_with("-03"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(
            trace in any::<u128>(), span in any::<u64>(), flags in 0..=FLAGS,
        ) {
            let parent = TraceParent { flags, ..TraceParent::new(TraceId::new(trace), SpanId::new(span)) };
            let header = parent.to_header();
            prop_assert_eq!(header.len(), LEN);
            prop_assert_eq!(TraceParent::parse(header.as_bytes()), Some(parent));
        }

        #[test]
        fn whatever_comes_is_read_to_what_can_be_sent_or_not_at_all(
            text in "([0-9a-f]{2}|00)-([0-9a-fA]{32}|0{32})-([0-9a-f]{16}|0{16})-[0-9a-f]{1,2}(-.{0,4})?|.{0,60}",
        ) {
            if let Some(parent) = parse(&text) {
                let sent = parent.to_header();
                prop_assert_eq!(TraceParent::parse(sent.as_bytes()), Some(parent));
                prop_assert_eq!(&text[3..52], &sent.to_str().unwrap()[3..52]);
            }
        }
    }
}
