//! The two exposition formats.
//!
//! Prometheus's own text (0.0.4) is what whoever names nothing gets, as from every library: OpenMetrics, which came of it,
//! has kinds and an end that readers of the older one refuse.

use std::fmt::Write as _;

use http::{HeaderMap, header::ACCEPT};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpositionFormat {
    /// Prometheus's text, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl ExpositionFormat {
    /// What a caller likes best of both; the text when it names neither.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        let mut best = (0.0, Self::Text);
        for item in accepts.flat_map(|accept| accept.split(',')) {
            if let Some((quality, kind)) = accepted(item)
                && quality > best.0
            {
                best = (quality, kind);
            }
        }
        best.1
    }

    /// Its media type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One item of `Accept`, when it names one of both or anything.
fn accepted(item: &str) -> Option<(f32, ExpositionFormat)> {
    let mut parts = item.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let (mut quality, mut version) = (1.0_f32, None);
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = value.trim().parse().ok()?,
            "version" => version = Some(value.trim().trim_matches('"').to_owned()),
            // Others, as `escaping`, say nothing about which of both.
            _ => {}
        }
    }
    let exposition = match (kind.as_str(), version.as_deref()) {
        ("application/openmetrics-text", None | Some("1.0.0")) => ExpositionFormat::OpenMetrics,
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => ExpositionFormat::Text,
        _ => return None,
    };
    Some((quality, exposition))
}

/// The same numbers in Prometheus's text. There the name of a counter has its ending in the lines about it too, and what
/// describes the program is a gauge.
pub(super) fn to_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            help = told.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|told| told.split_once(' '))
        {
            let (ending, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            // Writing to a String cannot fail.
            if let Some((_, told)) = help.take().filter(|(named, _)| *named == name) {
                let _ = writeln!(text, "# HELP {name}{ending} {told}");
            }
            let _ = writeln!(text, "# TYPE {name}{ending} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use http::HeaderValue;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, expected) in [
            ("", ExpositionFormat::Text),
            ("*/*", ExpositionFormat::Text),
            ("text/plain; version=0.0.4", ExpositionFormat::Text),
            ("text/html, */*; q=0.1", ExpositionFormat::Text),
            ("application/json", ExpositionFormat::Text),
            ("application/openmetrics-text", ExpositionFormat::OpenMetrics),
            ("Application/OpenMetrics-Text; version=\"1.0.0\"", ExpositionFormat::OpenMetrics),
            (prometheus, ExpositionFormat::OpenMetrics),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.8", ExpositionFormat::Text),
            ("text/plain;q=0.5, application/openmetrics-text", ExpositionFormat::OpenMetrics),
            ("application/openmetrics-text;q=0", ExpositionFormat::Text),
            ("application/openmetrics-text;q=x, text/plain", ExpositionFormat::Text),
            ("application/openmetrics-text; version=9", ExpositionFormat::Text),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(ExpositionFormat::negotiate(&headers), expected, "{accept}");
        }
        assert_eq!(ExpositionFormat::negotiate(&HeaderMap::new()), ExpositionFormat::Text);
    }

    /// Reads the text as strictly as its description says, and returns the samples.
    fn parse(text: &str) -> HashMap<String, f64> {
        let (mut kinds, mut samples) = (HashMap::new(), HashMap::new());
        let (mut helped, mut current) = (HashSet::new(), String::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(told) = line.strip_prefix("# HELP ") {
                let (name, words) = told.split_once(' ').expect("words");
                assert!(!words.is_empty() && helped.insert(name.to_owned()), "{line}");
                name.clone_into(&mut current);
            } else if let Some(told) = line.strip_prefix("# TYPE ") {
                let (name, kind) = told.split_once(' ').expect("a kind");
                let known = ["counter", "gauge", "histogram", "summary", "untyped"];
                assert!(known.contains(&kind) && name == current, "{line}");
                assert!(kinds.insert(name.to_owned(), kind).is_none(), "{line} again");
            } else {
                assert!(!line.starts_with('#'), "{line}");
                let (sample, value) = line.rsplit_once(' ').expect("a value");
                let name = sample.split('{').next().unwrap();
                assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
                let family = match kinds.get(&current).copied() {
                    Some("histogram") => ["_bucket", "_sum", "_count"]
                        .iter()
                        .find_map(|ending| name.strip_suffix(ending))
                        .expect("a part of a histogram"),
                    _ => name,
                };
                assert_eq!(family, current, "{line} stands in another family");
                assert_eq!(kinds.get(family) == Some(&"counter"), name.ends_with("_total"));
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(samples.insert(sample.to_owned(), value).is_none(), "{line} again");
            }
        }
        samples
    }

    #[test]
    fn the_text_is_what_older_readers_take() {
        let metrics = Metrics::new();
        metrics.register_counter("others", "Counted elsewhere", || 7);
        metrics.register_gauge("level", "Known elsewhere", || -3);
        let samples = parse(&metrics.encode_as(ExpositionFormat::Text));
        assert_eq!(samples["nomad_gateway_others_total"], 7.0);
        assert_eq!(samples["nomad_gateway_level"], -3.0);
        let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
        assert_eq!(samples[&format!("nomad_gateway_build_info{{{version}}}")], 1.0);
        let histogram = "nomad_gateway_request_duration_seconds_count{route=\"logs\"}";
        assert_eq!(samples[histogram], 0.0);
        assert!(metrics.encode_as(ExpositionFormat::OpenMetrics).ends_with("# EOF\n"));
    }
}
