//! Quoted strings and heredocs.

use super::Cursor;
use crate::error::PolicyError;

/// Reads a quoted string, escapes undone. `${…}` is copied through untouched.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Result<String, PolicyError> {
    let start = *cursor;
    let mut text = String::new();
    cursor.bump();
    loop {
        if cursor.rest().starts_with("${") {
            template(cursor, &mut text)?;
            continue;
        }
        match cursor.peek() {
            None | Some('\n') => return Err(start.syntax_error("literal not terminated")),
            Some('"') => {
                cursor.bump();
                return Ok(text);
            }
            Some('\\') => text.push(escape(cursor)?),
            Some(other) => {
                text.push(other);
                cursor.bump();
            }
        }
    }
}

/// Copies `${…}` with whatever it holds: quotes and line ends mean nothing inside, braces nest.
fn template(cursor: &mut Cursor<'_>, text: &mut String) -> Result<(), PolicyError> {
    let start = *cursor;
    let mut depth = 0_u32;
    while let Some(next) = cursor.bump() {
        text.push(next);
        match next {
            '{' => depth += 1,
            '}' if depth == 1 => return Ok(()),
            '}' => depth -= 1,
            _ => {}
        }
    }
    Err(start.syntax_error("literal not terminated"))
}

/// Reads one escape, the cursor on its backslash.
fn escape(cursor: &mut Cursor<'_>) -> Result<char, PolicyError> {
    let start = *cursor;
    cursor.bump();
    let wrong = || start.syntax_error("illegal char escape");
    let plain = match cursor.peek().ok_or_else(wrong)? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        same @ ('\\' | '"') => same,
        'x' => return escape_code(cursor, 1, 2, 16).ok_or_else(wrong),
        'u' => return escape_code(cursor, 1, 4, 16).ok_or_else(wrong),
        'U' => return escape_code(cursor, 1, 8, 16).ok_or_else(wrong),
        '0'..='7' => {
            let octal = escape_code(cursor, 0, 3, 8).ok_or_else(wrong)?;
            // Three octal digits name one byte; \400 and above would name none.
            return if u32::from(octal) <= 0o377 { Ok(octal) } else { Err(wrong()) };
        }
        _ => return Err(wrong()),
    };
    cursor.bump();
    Ok(plain)
}

/// Skips the letter, if the escape has one, and reads exactly that many digits.
fn escape_code(cursor: &mut Cursor<'_>, letter: usize, digits: u32, radix: u32) -> Option<char> {
    cursor.advance(letter);
    let mut code = 0;
    for _ in 0..digits {
        code = code * radix + cursor.peek()?.to_digit(radix)?;
        cursor.bump();
    }
    char::from_u32(code)
}

/// Reads `<<TAG` or `<<-TAG` up to the line that holds the tag alone. The value keeps its last line
/// end, and the closing line must itself end in one.
pub(super) fn heredoc(cursor: &mut Cursor<'_>) -> Result<String, PolicyError> {
    let start = *cursor;
    cursor.bump();
    if !cursor.eat('<') {
        return Err(start.syntax_error("heredoc expected second '<'"));
    }
    let indented = cursor.eat('-');
    let tag = cursor.take_while(|next| next.is_alphanumeric() || matches!(next, '-' | '_'));
    cursor.eat('\r');
    if tag.is_empty() || !cursor.eat('\n') {
        return Err(start.syntax_error("invalid characters in heredoc anchor"));
    }
    let mut text = String::new();
    loop {
        let line = cursor.take_while(|next| next != '\n');
        if !cursor.eat('\n') {
            return Err(start.syntax_error("heredoc not terminated"));
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim_start() == tag {
            let indent = line.get(..line.len() - tag.len()).unwrap_or("");
            return Ok(if indented { unindent(&text, indent) } else { text });
        }
        text.push_str(line);
        text.push('\n');
    }
}

/// Takes the closing tag's indent from every line, or from none if one line lacks it.
fn unindent(text: &str, indent: &str) -> String {
    if text.lines().all(|line| line.starts_with(indent)) {
        text.split_inclusive('\n').map(|line| line.get(indent.len()..).unwrap_or("")).collect()
    } else {
        text.to_owned()
    }
}
