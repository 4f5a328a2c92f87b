//! `tracestate`: what each tracing system on the way has noted about a trace (W3C Trace Context, section 3.3). It is passed on as it
//! came when it is well formed, and not at all otherwise.

/// Members of the list, over all its header lines.
const MAX_MEMBERS: usize = 32;

/// Characters of a key and of a value.
const MAX_TEXT: usize = 256;

/// Whether all lines together are a list that may be sent on.
pub(super) fn is_valid<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut members = 0;
    for member in lines.flat_map(|line| line.split(|byte| *byte == b',')) {
        let member = trim(member);
        if member.is_empty() {
            continue;
        }
        members += 1;
        if members > MAX_MEMBERS || !is_member(member) {
            return false;
        }
    }
    true
}

/// Spaces and tabs may stand around a member.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// `key=value`
fn is_member(member: &[u8]) -> bool {
    let Some(at) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = member.split_at(at);
    is_key(key) && is_value(value.get(1..).unwrap_or_default())
}

fn is_key(key: &[u8]) -> bool {
    let begin_or_count = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_next =
        |byte: &u8| begin_or_count(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= MAX_TEXT && key.first().is_some_and(begin_or_count) && key.iter().all(is_next)
}

fn is_value(value: &[u8]) -> bool {
    let is_text_error = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=MAX_TEXT).contains(&value.len()) && value.iter().all(is_text_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(line: &str) -> bool {
        is_valid([line.as_bytes()].into_iter())
    }

    #[test]
    fn well_formed_lists_pass_and_others_do_not() {
        let long = format!("a={}", "x".repeat(MAX_TEXT));
        for line in ["", "congo=t61rcWkgMzE", "a=1,b=2", " a=1 ,\t, b=2\t", "1a-_*/@t=v w", &long] {
            assert!(is_one(line), "{line}");
        }
        let many = vec!["a=1"; MAX_MEMBERS + 1].join(",");
        let long_key = format!("{}=1", "x".repeat(MAX_TEXT + 1));
        let long = format!("{long}x");
        for line in
            ["a", "=1", "a=", "A=1", "a=1=2", "a=\u{e9}", "a b=1", "a=1;b", &many, &long, &long_key]
        {
            // A semicolon may stand in a value.
            assert_eq!(is_one(line), line == "a=1;b", "{line}");
        }
        let half = vec!["a=1"; MAX_MEMBERS / 2 + 1].join(",");
        assert!(is_one(&half) && !is_valid([half.as_bytes(); 2].into_iter()), "lines are one list");
    }
}
