//! Query strings, read as Nomad reads them.
//!
//! [`Query`] looks into the raw text each time it is asked and copies nothing that needs no decoding. A pair with a bad
//! percent escape or a `;` does not exist, as in Go; of a repeated key the first value counts. The structs beside it
//! are what one endpoint reads, checked in Nomad's order, so that the first fault is the one Nomad would report.

mod error;
mod exec;
mod export;
mod fs;
mod membership;
mod monitor;
mod options;
mod pprof;

use std::borrow::Cow;

use http::Uri;

pub use self::{
    error::QueryError,
    exec::ExecQuery,
    export::ExportQuery,
    fs::{CatQuery, ListQuery, LogType, LogsQuery, Origin, ReadAtQuery, StatQuery, StreamQuery},
    membership::{ForceLeaveQuery, JoinQuery, SetServersQuery},
    monitor::{LogLevel, MonitorQuery},
    pprof::PprofQuery,
};
pub use crate::query::options::QueryOptions;

/// The query string of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    raw: &'a str,
}

impl<'a> Query<'a> {
    /// The query of a URI.
    #[must_use]
    pub fn from_uri(uri: &'a Uri) -> Self {
        Self::new(uri.query().unwrap_or_default())
    }

    /// A query string without its question mark.
    #[must_use]
    pub const fn new(raw: &'a str) -> Self {
        Self { raw }
    }

    /// The text as it was sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.raw
    }

    /// The first value of a key; `Some("")` when the key stands alone.
    #[must_use]
    pub fn first(&self, key: &str) -> Option<Cow<'a, str>> {
        self.all(key).next()
    }

    /// The first value of a key, where an empty one counts as absent.
    #[must_use]
    pub fn non_empty(&self, key: &str) -> Option<Cow<'a, str>> {
        self.first(key).filter(|value| !value.is_empty())
    }

    /// The first value of a key, byte for byte, where an empty one counts as absent.
    #[must_use]
    pub fn non_empty_bytes(&self, key: &str) -> Option<Cow<'a, [u8]>> {
        let mut values = self.raw_pairs().filter(|(name, _)| is_key(name, key));
        values.find_map(|(_, value)| decode_bytes(value)).filter(|value| !value.is_empty())
    }

    /// Every value of a key, in order.
    pub fn all<'k>(&self, key: &'k str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'k> {
        // A value is decoded only where its key is the right one: some keys are asked for with every request.
        self.raw_pairs()
            .filter(move |(name, _)| is_key(name, key))
            .filter_map(|(_, value)| decode(value))
    }

    /// Whether a key stands more than once with different values. One that decides who is asked or for what must not: two
    /// readers could take different ones.
    #[must_use]
    pub fn is_repeated(&self, key: &str) -> bool {
        if !self.raw.contains('&') {
            return false;
        }
        let mut values = self.all(key);
        values.next().is_some_and(|first| values.any(|value| value != first))
    }

    /// This query with each of these keys standing once, all else as it was sent; `None` when none is repeated.
    #[must_use]
    pub fn without_repeated_keys(&self, keys: &[&str]) -> Option<String> {
        let repeated = |key: &&&str| self.all(key).nth(1).is_some();
        if !self.raw.contains('&') || !keys.iter().any(|key| repeated(&key)) {
            return None;
        }
        let mut seen = Vec::new();
        let kept = self.raw.split('&').filter(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A pair that Go does not see is no repetition.
            let is_seen = !pair.contains(';') && decode(value).is_some();
            let key = keys.iter().find(|key| is_seen && is_key(name, key));
            let is_new = key.is_none_or(|key| !seen.contains(key));
            seen.extend(key);
            is_new
        });
        Some(kept.collect::<Vec<_>>().join("&"))
    }

    /// `?pretty` asks for indented JSON, whatever its value, unless that is exactly `0`.
    #[must_use]
    pub fn is_pretty(&self) -> bool {
        self.first("pretty").is_some_and(|value| value != "0")
    }

    /// The pairs that Go would see, decoded.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.raw_pairs().filter_map(|(key, value)| Some((decode(key)?, decode(value)?)))
    }

    /// The pairs that Go would see, as they were sent.
    fn raw_pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let seen = |pair: &&str| !pair.is_empty() && !pair.contains(';');
        self.raw.split('&').filter(seen).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// This query with the value of one key replaced, all else as it was sent; added at the end when it was absent.
    #[must_use]
    pub fn with_param(&self, key: &str, value: &str) -> String {
        let mut out = String::with_capacity(self.raw.len() + key.len() + value.len() + 2);
        let mut written = false;
        for pair in self.raw.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if decode(name).is_some_and(|name| name == key) && !pair.contains(';') {
                if !written {
                    push_pair(&mut out, key, value);
                    written = true;
                }
            } else {
                push_separator(&mut out);
                out.push_str(pair);
            }
        }
        if !written {
            push_pair(&mut out, key, value);
        }
        out
    }
}

fn is_key(written: &str, key: &str) -> bool {
    // Nothing grows when it is decoded.
    written.len() >= key.len() && decode(written).is_some_and(|name| name == key)
}

fn push_separator(out: &mut String) {
    if !out.is_empty() {
        out.push('&');
    }
}

fn push_pair(out: &mut String, key: &str, value: &str) {
    push_separator(out);
    out.push_str(key);
    out.push('=');
    encode_into(value, out);
}

/// Go's `url.QueryUnescape`, as text; `None` on a bad escape. Go keeps bytes that are no UTF-8; nothing but files can be
/// named by them.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    Some(match decode_bytes(text)? {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    })
}

/// Go's `url.QueryUnescape`; `None` on a bad escape.
fn decode_bytes(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (high, low) = (rest.first()?, rest.get(1)?);
                bytes.push(hex_pair(*high, *low)?);
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    Some(Cow::Owned(bytes))
}

pub(crate) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Percent-encodes all but unreserved characters, with the upper-case digits that Go writes.
fn encode_into(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_and_bad_pairs_do_not_exist() {
        let query = Query::new("a=1&a=2&b=%zz&c=x;y&d&e=a+b%20c");
        assert_eq!(query.first("a").unwrap(), "1");
        assert!(query.is_repeated("a") && !Query::new("a=1&b=2&%61=%31").is_repeated("a"));
        assert_eq!(query.first("b"), None);
        assert_eq!(query.first("c"), None);
        assert_eq!(query.first("d").unwrap(), "");
        assert_eq!(query.non_empty("d"), None);
        assert_eq!(query.first("e").unwrap(), "a b c");
    }

    #[test]
    fn plain_values_are_not_copied() {
        assert!(matches!(Query::new("node_id=abc").first("node_id"), Some(Cow::Borrowed("abc"))));
    }

    #[test]
    fn pretty_is_on_unless_zero() {
        for (raw, on) in
            [("pretty", true), ("pretty=false", true), ("pretty=0", false), ("", false)]
        {
            assert_eq!(Query::new(raw).is_pretty(), on, "{raw}");
        }
    }

    #[test]
    fn one_value_is_replaced_and_the_rest_stays() {
        let query = Query::new("x=%2F&node_id=ab&node%5Fid=cd&y");
        assert_eq!(query.with_param("node_id", "full id"), "x=%2F&node_id=full%20id&y");
        let query = Query::new("x=1&region=%zz&region=a%20b&&x=1&re%67ion=a+b&region=a;b&y");
        let once = query.without_repeated_keys(&["node_id", "region"]);
        assert_eq!(once.as_deref(), Some("x=1&region=%zz&region=a%20b&&x=1&region=a;b&y"));
        assert_eq!(query.without_repeated_keys(&["node_id", "y"]), None);
        assert_eq!(Query::new("").with_param("server_id", "s1"), "server_id=s1");
    }
}
