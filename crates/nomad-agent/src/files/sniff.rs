//! The content type of a file, from its first bytes: the rules of the WHATWG's MIME Sniffing Standard as Go applies them.

/// Number of bytes that decide.
pub(crate) const SNIFF_LENGTH: usize = 512;

/// The type of a file that no rule knows.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Tags that make a file HTML, after white space and in any case. A space or `>` must follow.
const TAGS: [&[u8]; 17] = [
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// Signatures by type.
const SIGNATURES: [(&[u8], &str); 26] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xFE\xFF", "text/plain; charset=utf-16be"),
    (b"\xFF\xFE", "text/plain; charset=utf-16le"),
    (b"\xEF\xBB\xBF", TEXT),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\x0D\x0A\x1A\x0A", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1A\x45\xDF\xA3", "video/webm"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1F\x8B\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
];

/// Containers: their signature, and what follows after four bytes of length.
const CONTAINERS: [(&[u8], &[u8], &str); 4] = [
    (b"RIFF", b"WEBPVP", "image/webp"),
    (b"FORM", b"AIFF", "audio/aiff"),
    (b"RIFF", b"AVI ", "video/avi"),
    (b"RIFF", b"WAVE", "audio/wave"),
];

/// The content type of a file that starts with `head`. At most [`SNIFF_LENGTH`] bytes are checked.
pub(crate) fn content_type(head: &[u8]) -> &'static str {
    let head = &head[..head.len().min(SNIFF_LENGTH)];
    let visible = head.trim_ascii_start();
    if TAGS.iter().any(|tag| is_tag(visible, tag)) {
        return HTML;
    }
    if visible.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let signature =
        SIGNATURES.iter().find(|(start, _)| head.starts_with(start)).map(|&(_, kind)| kind);
    let kind = signature.or_else(|| container(head));
    kind.unwrap_or_else(|| if head.iter().any(is_binary) { UNKNOWN_TYPE } else { TEXT })
}

fn is_tag(text: &[u8], tag: &[u8]) -> bool {
    let Some((start, rest)) = text.split_at_checked(tag.len()) else {
        return false;
    };
    // A comment needs no end; a tag has to end.
    start.eq_ignore_ascii_case(tag) && (tag == b"<!--" || matches!(rest.first(), Some(b' ' | b'>')))
}

fn container(head: &[u8]) -> Option<&'static str> {
    if is_mp4(head) {
        return Some("video/mp4");
    }
    let inside = head.get(8..)?;
    let found = CONTAINERS
        .iter()
        .find(|(start, mark, _)| head.starts_with(start) && inside.starts_with(mark));
    found.map(|&(_, _, kind)| kind)
}

/// An `ftyp` box, one of whose brands starts with `mp4`. The second word after its name is a version, not a brand.
fn is_mp4(head: &[u8]) -> bool {
    let Some((length, inside)) = head.split_first_chunk::<4>() else {
        return false;
    };
    let length = u32::from_be_bytes(*length) as usize;
    if head.len() < 12
        || head.len() < length
        || !length.is_multiple_of(4)
        || !inside.starts_with(b"ftyp")
    {
        return false;
    }
    let words = head[8..length.max(8)].chunks(4).enumerate();
    words.filter(|(at, _)| *at != 1).any(|(_, brand)| brand.starts_with(b"mp4"))
}

/// Bytes that do not occur in text.
fn is_binary(byte: &u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_its_beginning() {
        let cases: [(&[u8], &str); 17] = [
            (b"hello", TEXT),
            (b"", TEXT),
            (b"\x00\x01\x02", UNKNOWN_TYPE),
            (b"GIF89a....", "image/gif"),
            (b"\x89PNG\x0D\x0A\x1A\x0A....", "image/png"),
            (b"\xFF\xD8\xFF\xE0", "image/jpeg"),
            (b"\x1F\x8B\x08\x00", "application/x-gzip"),
            (b"%PDF-1.7", "application/pdf"),
            (b"<script>alert(document.domain);</script>", HTML),
            (b" \n\t<!doctype html>", HTML),
            (b"<!--x", HTML),
            (b"<bare", TEXT),
            (b"<html", TEXT),
            (b"<?xml version='1.0'?>", "text/xml; charset=utf-8"),
            (b"RIFF\x10\x00\x00\x00WAVEfmt ", "audio/wave"),
            (b"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00mp41", "video/mp4"),
            (b"\x00\x00\x00\x10ftypisommp41", UNKNOWN_TYPE),
        ];
        for (head, expected) in cases {
            assert_eq!(content_type(head), expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn only_the_first_512_bytes_decide() {
        let mut text = vec![b'a'; SNIFF_LENGTH];
        text.push(0);
        assert_eq!(content_type(&text), TEXT);
        text[SNIFF_LENGTH - 1] = 0;
        assert_eq!(content_type(&text), UNKNOWN_TYPE);
    }
}
