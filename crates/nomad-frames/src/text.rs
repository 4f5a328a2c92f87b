//! What stands between two quotes, as text, with the leniency of Go's decoder.

use std::borrow::Cow;

/// The text of a JSON string from the bytes between its quotes. Borrowed unless there is an
/// escape or a byte that is not UTF-8. As in Go, each such byte and each half of a surrogate
/// pair without the other half becomes U+FFFD.
pub(crate) fn decode_string(raw: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(raw) {
        Ok(text) if !raw.contains(&b'\\') => Cow::Borrowed(text),
        _ => Cow::Owned(unescape(raw)),
    }
}

/// Whether the bytes between the quotes of a key spell `name`, in the way Go matches keys to
/// fields: by Unicode case folding, under which the long s is an s.
pub(crate) fn matches_key(raw: &[u8], name: &str) -> bool {
    if raw == name.as_bytes() || raw.eq_ignore_ascii_case(name.as_bytes()) {
        return true;
    }
    if raw.iter().all(|b| b.is_ascii() && *b != b'\\') {
        return false;
    }
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    };
    decode_string(raw).chars().map(fold).eq(name.chars().map(fold))
}

#[cold]
fn unescape(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        push_lossy(&mut out, &rest[..slash]);
        let (c, taken) = decode_escape(&rest[slash..]);
        out.push(c);
        rest = &rest[slash + taken..];
    }
    push_lossy(&mut out, rest);
    out
}

/// One U+FFFD for each byte that is not UTF-8, where the standard library writes one for several.
fn push_lossy(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// The character that the escape at the start of `raw` stands for, and its length.
fn decode_escape(raw: &[u8]) -> (char, usize) {
    let c = match raw.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return decode_unicode_escape(raw),
        Some(b) => char::from(*b),
        None => return (char::REPLACEMENT_CHARACTER, raw.len()),
    };
    (c, 2)
}

fn decode_unicode_escape(raw: &[u8]) -> (char, usize) {
    let Some(first) = parse_hex4(raw) else {
        return (char::REPLACEMENT_CHARACTER, raw.len().min(6));
    };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    let second = raw.get(6..).and_then(parse_hex4);
    match char::decode_utf16([first as u16].into_iter().chain(second.map(|s| s as u16))).next() {
        Some(Ok(c)) => (c, 12),
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The four hexadecimal digits of the `\uXXXX` at the start of `raw`.
pub(crate) fn parse_hex4(raw: &[u8]) -> Option<u32> {
    let digits = raw.strip_prefix(br"\u")?.get(..4)?;
    digits.iter().try_fold(0, |code, d| Some(code << 4 | char::from(*d).to_digit(16)?))
}

/// An integer as Go's `strconv.ParseInt` takes it from a JSON number: no fraction, no exponent,
/// within 64 bits.
pub(crate) fn parse_integer(raw: &[u8]) -> Option<i64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_what_they_stand_for() {
        for (raw, expect) in [
            (&br"plain"[..], "plain"),
            (br#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (br"\u0041\u00e9\u20ac", "Aé€"),
            (br"\ud83d\ude00!", "😀!"),
            (br"\ud83dx", "\u{fffd}x"),
            (br"\ud83d\u0041", "\u{fffd}A"),
            (br"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (b"a\xff\xe2\x80b", "a\u{fffd}\u{fffd}\u{fffd}b"),
            (b"\xe2\\n", "\u{fffd}\n"),
        ] {
            assert_eq!(decode_string(raw), expect);
        }
        assert!(matches!(decode_string("é".as_bytes()), Cow::Borrowed("é")));
    }

    #[test]
    fn keys_are_matched_as_go_matches_them() {
        for key in ["Offset", "offset", "OFFSET", r"O\u0066fset", "Off\u{17f}et", r"off\u017fet"] {
            assert!(matches_key(key.as_bytes(), "Offset"), "{key}");
        }
        for key in ["Offsets", "Offse", "Off-et", "Öffset", ""] {
            assert!(!matches_key(key.as_bytes(), "Offset"), "{key}");
        }
    }

    #[test]
    fn integers_are_whole_and_fit() {
        assert_eq!(parse_integer(b"-0"), Some(0));
        assert_eq!(parse_integer(b"9223372036854775807"), Some(i64::MAX));
        for raw in [&b"9223372036854775808"[..], b"1.0", b"1e3"] {
            assert_eq!(parse_integer(raw), None);
        }
    }
}
