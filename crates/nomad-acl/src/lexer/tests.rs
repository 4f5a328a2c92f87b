//! The alphabet of the HCL form, character by character.

use super::{Lexer, TokenKind};

fn kinds(text: &str) -> Vec<TokenKind> {
    let mut lexer = Lexer::new(text);
    let mut all = Vec::new();
    loop {
        match lexer.next_token().unwrap().kind {
            TokenKind::End => return all,
            kind => all.push(kind),
        }
    }
}

fn one_text(text: &str) -> String {
    match kinds(text).as_slice() {
        [TokenKind::String(value) | TokenKind::Literal(value)] => (**value).to_owned(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn refused(text: &str) -> String {
    let mut lexer = Lexer::new(text);
    loop {
        match lexer.next_token() {
            Ok(token) if token.kind == TokenKind::End => panic!("{text:?} was read"),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

#[test]
fn escapes_are_undone() {
    assert_eq!(one_text(r#""\a\b\f\n\r\t\v\\\"""#), "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"");
    assert_eq!(one_text(r#""\101\x42\u0043\U00000044""#), "ABCD");
    for wrong in [r#""\q""#, r#""\400""#, r#""\x4""#, r#""\ud800""#, r#""\12""#, r#""\"#] {
        assert!(refused(wrong).contains("1:"), "{wrong}");
    }
}

#[test]
fn a_template_is_plain_text_and_hides_quotes() {
    assert_eq!(one_text(r#""a${b "c" {d}}e""#), r#"a${b "c" {d}}e"#);
    assert!(refused(r#""a${b"#).contains("literal not terminated"));
}

#[test]
fn a_string_ends_on_its_line() {
    assert!(refused("\"a\nb\"").contains("At 1:1: literal not terminated"));
}

#[test]
fn heredocs_keep_their_last_line_end() {
    assert_eq!(one_text("<<EOT\na\n b\nEOT\n"), "a\n b\n");
    assert_eq!(one_text("<<-EOT\n  a\n   b\n  EOT\n"), "a\n b\n");
    assert_eq!(one_text("<<EOT\r\na\r\nEOT\r\n"), "a\n");
    assert!(refused("<<EOT\na\nEOT").contains("heredoc not terminated"));
    assert!(refused("<<\na\n").contains("anchor"));
}

#[test]
fn numbers_and_bools_keep_their_text() {
    for text in ["0", "-7", "1.5", "0x1F", "2e10", "true", "false"] {
        assert_eq!(one_text(text), text);
    }
    for wrong in ["1a", "0x", "-", "1.2.3"] {
        assert!(refused(wrong).contains("illegal number"), "{wrong}");
    }
}

#[test]
fn comments_and_marks() {
    let text = "a.b-c_1 = # x\n [ , ] // y\n { /* z\n */ }";
    assert_eq!(kinds(text).len(), 7);
    assert!(refused("/* open").contains("comment not terminated"));
    assert!(refused("\u{feff}a").contains("illegal character"));
    assert!(refused("a; b").contains("At 1:2"));
}
