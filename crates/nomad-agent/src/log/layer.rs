//! The tracing layer that feeds the hub.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use super::{
    hub::Shared,
    line::{LogLine, LogValue},
    span::SpanFields,
};

#[derive(Debug)]
pub(super) struct HubLayer {
    shared: Arc<Shared>,
    shows_spans: bool,
}

impl HubLayer {
    pub(super) fn new(shared: Arc<Shared>, shows_spans: bool) -> Self {
        Self { shared, shows_spans }
    }
}

impl<S> Layer<S> for HubLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// Receivers come and go, so the interest of a call site is never final. There is no hint of a maximum level
    /// either: tracing keeps one for the whole process, and two agents whose receivers change at the same moment
    /// could leave it too low for both.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.shared.is_enabled(*metadata.level())
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        if self.shows_spans
            && let Some(span) = cx.span(id)
        {
            let mut fields = SpanFields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let metadata = event.metadata();
        let mut reader = FieldVisitor::default();
        event.record(&mut reader);
        for span in cx.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                reader.add(fields);
            }
        }
        self.shared.publish(LogLine {
            timestamp: Timestamp::now(),
            level: *metadata.level(),
            name: metadata.target().replace("::", "."),
            message: reader.message,
            fields: reader.fields,
            location: metadata.file().zip(metadata.line()),
        });
    }
}

#[derive(Default)]
struct FieldVisitor {
    message: String,
    fields: Vec<(&'static str, LogValue)>,
}

impl FieldVisitor {
    /// Adds the fields of an enclosing span. The innermost value counts.
    fn add(&mut self, span: &SpanFields) {
        for (name, value) in span.iter() {
            if self.fields.iter().all(|(known, _)| *known != name) {
                self.fields.push((name, LogValue::Text(value.to_owned())));
            }
        }
    }

    fn push(&mut self, field: &Field, value: LogValue) {
        self.fields.push((field.name(), value));
    }
}

impl Visit for FieldVisitor {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, LogValue::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, LogValue::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let duration = field.name() == "duration";
        self.push(field, if duration { LogValue::Duration(value) } else { LogValue::Uint(value) });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, LogValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.into();
        } else {
            self.push(field, LogValue::Text(value.into()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
