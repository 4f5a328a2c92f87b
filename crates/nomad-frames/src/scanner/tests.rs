//! The grammar, and that it does not care where the bytes are cut.

use super::*;

/// Scans whole, byte by byte, and in both looks where they must agree.
fn check(json: &str, expect: Result<Option<usize>, (usize, &'static str)>) {
    let expect = expect.map_err(|(at, text)| ScanError { at, kind: ScanErrorKind::Expected(text) });
    for look in [Validation::Strict, Validation::SkipData] {
        assert_eq!(Scanner::new(look, 4).scan(json.as_bytes()), expect, "{json} whole, {look:?}");
        let mut scan = Scanner::new(look, 4);
        let mut result = Ok(None);
        for (i, byte) in json.bytes().enumerate() {
            result = scan.scan(&[byte]).map(|end| end.map(|n| i + n));
            if result != Ok(None) {
                break;
            }
        }
        assert_eq!(result, expect, "{json} byte by byte, {look:?}");
    }
}

#[test]
fn objects_end_where_they_end() {
    for json in [
        "{}",
        "{ }",
        r#"{"Data":""}"#,
        r#"{"Data":"eA=="}"#,
        r#"{"Dat":"eA=="}"#,
        r#"{"Data": "eA==" , "File":"x"}"#,
        r#"{"Data":"a\"}\\","File":"}{"}"#,
        r#"{"a":[],"b":[1,-0.5e+7,[null,true]],"c":{"d":false}}"#,
        "{\"a\"\t:\r\n0}",
        r#"{"\u00e9\/\b":"\u0041\\"}"#,
    ] {
        check(json, Ok(Some(json.len())));
        check(&format!("{json}{json}"), Ok(Some(json.len())));
        for cut in 0..json.len() {
            check(&json[..cut], Ok(None));
        }
    }
}

#[test]
fn errors_are_found_at_their_byte() {
    check("x", Err((0, "an object")));
    check("[]", Err((0, "an object")));
    check("{x", Err((1, "a key or `}`")));
    check(r#"{"a" "b"}"#, Err((5, "a colon")));
    check(r#"{"a":1,}"#, Err((7, "a key")));
    check(r#"{"a":,"#, Err((5, "a value")));
    check(r#"{"a":1 2"#, Err((7, "a comma or `}`")));
    check(r#"{"a":[1}"#, Err((7, "a comma or `]`")));
    check(r#"{"a":[1,]"#, Err((8, "a value")));
    check(r#"{"a":[}"#, Err((6, "a value or `]`")));
    check(r#"{"a":01"#, Err((6, "a comma or `}`")));
    check(r#"{"a":-}"#, Err((6, "a digit")));
    check(r#"{"a":1.}"#, Err((7, "a digit")));
    check(r#"{"a":1e}"#, Err((7, "a digit")));
    check(r#"{"a":+1"#, Err((5, "a value")));
    check(r#"{"a":nulL"#, Err((8, "`true`, `false` or `null`")));
    check(r#"{"a":"\x"#, Err((7, "an escape")));
    check(r#"{"a":"\u12g"#, Err((10, "a hexadecimal digit")));
    check("{\"a\":\"bc\n", Err((8, "no control character in a string")));
    check(r#"{"Data":"eA=="x"#, Err((14, "a comma or `}`")));
}

#[test]
fn depth_is_bounded() {
    check(r#"{"a":[[[]]]}"#, Ok(Some(12)));
    let mut scan = Scanner::new(Validation::Strict, 4);
    let fault = ScanError { at: 8, kind: ScanErrorKind::TooDeep };
    assert_eq!(scan.scan(br#"{"a":[[[["#), Err(fault));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(127), "]".repeat(127));
    assert_eq!(Scanner::new(Validation::Strict, 128).scan(deep.as_bytes()), Ok(Some(deep.len())));
}

#[test]
fn only_data_in_nomads_layout_is_left_unseen() {
    let raw = b"{\"Data\":\"\n\\q\"}";
    assert_eq!(Scanner::new(Validation::SkipData, 4).scan(raw), Ok(Some(raw.len())));
    assert!(Scanner::new(Validation::Strict, 4).scan(raw).is_err());
    assert!(Scanner::new(Validation::SkipData, 4).scan(b"{\"data\":\"\n\"}").is_err());
}

#[test]
fn the_longest_string_is_remembered() {
    let json = br#"{"Data":"eHg=","File":"longer than the data"}"#;
    let mut scan = Scanner::new(Validation::SkipData, 4);
    scan.scan(json).unwrap();
    assert_eq!(&json[scan.longest_string().range()], b"longer than the data");
}

#[test]
fn resuming_inside_data_is_the_same_as_having_scanned_it() {
    for tail in ["", "eA", "\\", "\\\\", "ab\\\\\\"] {
        let head = format!("{{\"Data\":\"{tail}");
        let mut scanned = Scanner::new(Validation::SkipData, 4);
        assert_eq!(scanned.scan(head.as_bytes()), Ok(None));
        let mut seeded = Scanner::from_data_prefix(head.as_bytes(), 4);
        assert_eq!(format!("{seeded:?}"), format!("{scanned:?}"));
        let rest = br#"","File":"\"}"}"#;
        assert_eq!(seeded.scan(rest), scanned.scan(rest));
    }
}
