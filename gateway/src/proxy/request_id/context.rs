//! The trace that a request belongs to (W3C Trace Context).
//!
//! A trace that the client has begun goes on: the agent gets its id with a span of this gateway as the sender. A client without one gets
//! none, as from linkerd: nothing here sends spans to a collector, so that a trace that began here would be known to nobody.
//! What is not valid begins anew, as the specification says, so that nobody behind reads what two readers read differently.

use http::{HeaderMap, HeaderName};

use super::{TraceParent, ids::Ids, state};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Takes the trace over from the headers of a request, and leaves there what the agent gets.
pub(super) fn replace_servers(headers: &mut HeaderMap, ids: &Ids) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let first = values.next()?;
    let valid = TraceParent::parse(first.as_bytes()).filter(|_| values.next().is_none());
    if valid.is_none() || !has_valid_state(headers) {
        headers.remove(TRACESTATE);
    }
    let parent = match valid {
        Some(parent) => parent.sent_by(ids.span()),
        None => TraceParent::new(ids.trace(), ids.span()),
    };
    // In place of all that stood there.
    headers.insert(TRACEPARENT, parent.to_header());
    Some(parent)
}

fn has_valid_state(headers: &HeaderMap) -> bool {
    state::is_valid(headers.get_all(TRACESTATE).iter().map(|line| line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn all(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
        let values = headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_trace_goes_on_with_another_sender() {
        let ids = Ids::new();
        let mut headers =
            headers(&[(TRACEPARENT, SENT), (TRACESTATE, "a=1,b=2"), (TRACESTATE, "c=3")]);
        let parent = replace_servers(&mut headers, &ids).unwrap();
        assert_eq!(parent.trace.as_str(), &SENT[3..35]);
        assert_ne!(parent.span.as_str(), &SENT[36..52]);
        assert_eq!(all(&headers, &TRACEPARENT), [parent.to_header().to_str().unwrap()]);
        assert_eq!(all(&headers, &TRACESTATE), ["a=1,b=2", "c=3"]);
    }

    #[test]
    fn a_request_without_a_trace_gets_none() {
        let mut headers = headers(&[(TRACESTATE, "a=1")]);
        assert_eq!(replace_servers(&mut headers, &Ids::new()), None);
        assert!(!headers.contains_key(TRACEPARENT));
    }

    #[test]
    fn what_is_not_valid_is_replaced() {
        for sent in [&["nonsense"][..], &[""], &[SENT, SENT], &[SENT, "nonsense"]] {
            let mut headers = headers(&[(TRACESTATE, "a=1")]);
            for one in sent {
                headers.append(TRACEPARENT, HeaderValue::from_static(one));
            }
            let parent = replace_servers(&mut headers, &Ids::new()).unwrap();
            assert_ne!(parent.trace.as_str(), &SENT[3..35]);
            assert_eq!(all(&headers, &TRACEPARENT), [parent.to_header().to_str().unwrap()]);
            assert!(!headers.contains_key(TRACESTATE), "{sent:?}");
        }
        let mut headers = headers(&[(TRACEPARENT, SENT), (TRACESTATE, "a=1"), (TRACESTATE, "=")]);
        let parent = replace_servers(&mut headers, &Ids::new()).unwrap();
        assert_eq!(parent.trace.as_str(), &SENT[3..35], "the trace itself is known");
        assert!(!headers.contains_key(TRACESTATE));
    }
}
