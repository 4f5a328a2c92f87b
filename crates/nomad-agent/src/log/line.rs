//! One line of a log, and the two formats in which Nomad writes it.
//!
//! Text is `2006-01-02T15:04:05.000Z [LEVEL] name: message: key=value …`, JSON is one object with
//! its keys sorted. Both are the formats of Nomad's logging library; log shippers parse them.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tracing::Level;

use crate::duration::go_duration;

/// One event of an agent's log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogLine {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its severity.
    pub level: Level,
    /// The subsystem: `agent`, `http`, `client`, `nomad`, `client.alloc_runner`…
    pub name: String,
    /// What happened, in a few fixed words.
    pub message: String,
    /// The fields, in the order in which they were recorded.
    pub fields: Vec<(&'static str, LogValue)>,
    /// Source file and line.
    pub location: Option<(&'static str, u32)>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LogValue {
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating-point number.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Any text.
    Text(String),
    /// Nanoseconds: `1.5ms` in text, a plain number in JSON.
    Duration(u64),
}

/// The format of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineStyle {
    /// One JSON object per line instead of text.
    pub json: bool,
    /// With source file and line.
    pub location: bool,
}

impl LineStyle {
    /// Text or JSON, with or without the source line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// JSON instead of text.
    #[must_use]
    pub fn json(mut self, json: bool) -> Self {
        self.json = json;
        self
    }

    /// With the source line.
    #[must_use]
    pub fn location(mut self, location: bool) -> Self {
        self.location = location;
        self
    }
}

impl LogLine {
    /// A line with the current time and without fields.
    #[must_use]
    pub fn new(level: Level, name: &str, message: &str) -> Self {
        let (name, message) = (name.to_owned(), message.to_owned());
        Self {
            timestamp: Timestamp::now(),
            level,
            name,
            message,
            fields: Vec::new(),
            location: None,
        }
    }

    /// The line with its newline, in the given style.
    #[must_use]
    pub fn render(&self, style: LineStyle) -> String {
        if style.json { self.render_json(style.location) } else { self.render_text(style.location) }
    }

    fn render_text(&self, location: bool) -> String {
        let mut out = String::with_capacity(96 + self.message.len());
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{}", self.timestamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
        out.push_str(level_label(self.level));
        if let Some((file, line)) = self.location.filter(|_| location) {
            let _ = write!(out, " {}:{line}:", last_two_segments(file));
        }
        out.push(' ');
        if !self.name.is_empty() {
            out.push_str(&self.name);
            out.push_str(": ");
        }
        out.push_str(&self.message);
        if !self.fields.is_empty() {
            out.push(':');
        }
        for (key, value) in &self.fields {
            push_field(&mut out, key, &value.to_string());
        }
        out.push('\n');
        out
    }

    fn render_json(&self, location: bool) -> String {
        let mut object = Map::new();
        object.insert("@level".into(), level_lowercase(self.level).into());
        object.insert("@message".into(), self.message.clone().into());
        if !self.name.is_empty() {
            object.insert("@module".into(), self.name.clone().into());
        }
        let at = self.timestamp.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        object.insert("@timestamp".into(), at.into());
        if let Some((file, line)) = self.location.filter(|_| location) {
            object.insert("@caller".into(), format!("{file}:{line}").into());
        }
        for (key, value) in &self.fields {
            object.insert((*key).into(), value.to_json());
        }
        object.sort_keys();
        let mut out = escape_html(&Json::Object(object).to_string());
        out.push('\n');
        out
    }

    #[cfg(test)]
    pub(crate) fn plain(message: &str) -> Self {
        Self {
            timestamp: Timestamp::UNIX_EPOCH,
            level: Level::INFO,
            name: String::new(),
            message: message.into(),
            fields: Vec::new(),
            location: None,
        }
    }
}

impl fmt::Display for LogValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
            Self::Duration(nanos) => f.write_str(&go_duration(*nanos)),
        }
    }
}

impl LogValue {
    fn to_json(&self) -> Json {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Uint(value) | Self::Duration(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Bool(value) => (*value).into(),
            Self::Text(value) => value.clone().into(),
        }
    }
}

/// ` key=value`, quoted where the end of the value would be ambiguous; a multi-line value is below its key,
/// indented.
fn push_field(out: &mut String, key: &str, value: &str) {
    if value.contains('\n') {
        let _ = writeln!(out, "\n  {key}=");
        for line in value.lines() {
            let _ = writeln!(out, "  | {line}");
        }
        out.push_str("  ");
    } else if value.is_empty() || value.chars().any(needs_quotes) {
        let _ = write!(out, " {key}=\"");
        for c in value.chars() {
            if c == '"' || c == '\\' || c.is_control() {
                let _ = write!(out, "{}", c.escape_default());
            } else {
                out.push(c);
            }
        }
        out.push('"');
    } else {
        let _ = write!(out, " {key}={value}");
    }
}

fn needs_quotes(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\')
}

fn level_label(level: Level) -> &'static str {
    match level {
        Level::TRACE => " [TRACE]",
        Level::DEBUG => " [DEBUG]",
        Level::INFO => " [INFO] ",
        Level::WARN => " [WARN] ",
        Level::ERROR => " [ERROR]",
    }
}

fn level_lowercase(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

/// `src/handlers/agent/health.rs` → `agent/health.rs`, as the text format trims locations.
fn last_two_segments(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/');
    slashes.next();
    slashes.next().map_or(path, |(at, _)| &path[at + 1..])
}

/// Nomad's JSON log lines escape what a browser could take for markup.
fn escape_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_line() -> LogLine {
        LogLine {
            timestamp: "2026-11-21T21:39:13.084438Z".parse().unwrap(),
            level: Level::DEBUG,
            name: "http".into(),
            message: "request complete".into(),
            fields: vec![
                ("method", LogValue::Text("GET".into())),
                ("path", LogValue::Text("/v1/agent/health".into())),
                ("duration", LogValue::Duration(151_086)),
            ],
            location: Some(("crates/agent/src/http.rs", 7)),
        }
    }

    #[test]
    fn text_reads_as_recorded() {
        assert_eq!(
            request_line().render(LineStyle::new()),
            "2026-11-21T21:39:13.084Z [DEBUG] http: request complete: method=GET path=/v1/agent/health duration=151.086µs\n"
        );
    }

    #[test]
    fn json_reads_as_recorded() {
        assert_eq!(
            request_line().render(LineStyle::new().json(true)),
            "{\"@level\":\"debug\",\"@message\":\"request complete\",\"@module\":\"http\",\"@timestamp\":\"2026-11-21T21:39:13.084438Z\",\"duration\":151086,\"method\":\"GET\",\"path\":\"/v1/agent/health\"}\n"
        );
    }

    #[test]
    fn the_location_is_trimmed_in_text_and_whole_in_json() {
        let text = request_line().render(LineStyle::new().location(true));
        assert!(text.contains(" [DEBUG] src/http.rs:7: http: "), "{text}");
        let json = request_line().render(LineStyle::new().json(true).location(true));
        assert!(json.starts_with("{\"@caller\":\"crates/agent/src/http.rs:7\","), "{json}");
    }

    #[test]
    fn levels_are_padded_and_odd_values_quoted() {
        let mut line = LogLine::plain("ready");
        line.fields = vec![
            ("error", LogValue::Text("no \"such\" file".into())),
            ("empty", LogValue::Text(String::new())),
            ("list", LogValue::Text("a\nb".into())),
        ];
        assert_eq!(
            line.render(LineStyle::new()),
            "1970-01-01T00:00:00.000Z [INFO]  ready: error=\"no \\\"such\\\" file\" empty=\"\"\n  list=\n  | a\n  | b\n  \n"
        );
    }

    #[test]
    fn markup_is_escaped_in_json_only() {
        let line = LogLine::plain("<script>&</script>");
        assert!(line.render(LineStyle::new()).contains("<script>&</script>"));
        let json = line.render(LineStyle::new().json(true));
        assert!(json.contains("\\u003cscript\\u003e\\u0026"), "{json}");
    }
}
