//! The header `Forwarded` (RFC 7239), read from the right.
//!
//! ```text
//! Forwarded: for=192.0.2.43, for="[2001:db8::17]:4711";proto=https;host="example.test:8080"
//! ```

use std::borrow::Cow;

use http::{HeaderMap, header::FORWARDED};

use super::hops::{Hop, address, host, transport};

/// A longer line is not read: quotes are told apart from the left, so that all of it has to be looked at.
const MAX_LINE: usize = 8 << 10;

/// The hops of all lines, from the right. A line that cannot be read is a hop that is not known.
pub(super) fn hops(headers: &HeaderMap) -> impl Iterator<Item = Hop> + '_ {
    let lines = headers.get_all(FORWARDED).iter().rev();
    lines.flat_map(|line| {
        let hops = line.to_str().ok().filter(|line| line.len() <= MAX_LINE).and_then(elements);
        hops.unwrap_or_else(|| vec![Hop::default()]).into_iter().rev()
    })
}

/// The elements of one line, from the left.
fn elements(mut line: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    loop {
        let (hop, rest) = element(line)?;
        hops.push(hop);
        line = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.is_empty() => return Some(hops),
            None => return None,
        };
    }
}

/// One element, and what stands behind it.
fn element(line: &str) -> Option<(Hop, &str)> {
    let mut hop = Hop::default();
    let mut seen = Vec::new();
    let mut rest = space(line);
    loop {
        // An element may be empty, and so may a pair.
        if !rest.is_empty() && !rest.starts_with([',', ';']) {
            let (name, value);
            (name, value, rest) = pair(rest)?;
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "for" => hop.from = address(&value),
                "proto" => hop.transport = transport(&value),
                "host" => hop.host = host(&value),
                _ => {}
            }
            // Two readers could take different ones.
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
            rest = space(rest);
        }
        match rest.strip_prefix(';') {
            Some(more) => rest = space(more),
            None => return Some((hop, rest)),
        }
    }
}

/// `name=value`, and what stands behind it.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix('=')?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, rest) = unquote(quoted)?;
        return Some((name, value, rest));
    }
    let (value, rest) = token(rest)?;
    Some((name, value.into(), rest))
}

/// A word, and what stands behind it. Addresses with ports ought to be quoted, and are not always.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:[]".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What stands before the closing quote, and what behind it.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\'])?;
        let (before, from) = rest.split_at(end);
        if let Some(behind) = from.strip_prefix('"') {
            let whole = if value.is_empty() { before.into() } else { (value + before).into() };
            return Some((whole, behind));
        }
        value.push_str(before);
        let mut escaped = from.chars();
        escaped.next();
        value.push(escaped.next()?);
        rest = escaped.as_str();
    }
}

fn space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
