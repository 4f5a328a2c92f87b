//! Replaces the address in a node's JSON and leaves every other byte as it was.

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use memchr::memmem;
use nomad_frames::EventBatch;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::AdvertisedAddress;

/// What is replaced in a node's description. Keys are kept as they stand, so that their order and layout stay.
#[derive(Deserialize)]
struct Node<'a> {
    #[serde(rename = "HTTPAddr", borrow)]
    address: Option<&'a RawValue>,
    /// Whether a client speaks TLS to the address.
    #[serde(rename = "TLSEnabled", borrow)]
    tls: Option<&'a RawValue>,
    #[serde(rename = "Attributes", borrow, default)]
    attributes: Option<HashMap<&'a str, &'a RawValue>>,
}

/// The payload of an event about a node.
#[derive(Deserialize)]
struct NodeEvent<'a> {
    #[serde(rename = "Node", borrow, default)]
    node: Option<Node<'a>>,
}

/// The attribute that repeats the address.
const ADDRESS_ATTRIBUTE: &str = "unique.advertise.address";

/// The same text with the address replaced, and what is spoken there; as it was when it is no node's description.
pub(super) fn replace_address(body: Bytes, shown: &AdvertisedAddress) -> Bytes {
    // A list would be read as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return body;
    }
    let Ok(node) = serde_json::from_slice::<Node<'_>>(&body) else { return body };
    let Ok(written) = serde_json::to_string(&shown.address) else { return body };
    apply_edits(&body, edits(&body, &node, (&written, shown.tls_enabled())))
}

/// A line of the event stream with the address of each node in it replaced; as it was when no node is in it.
pub(super) fn replace_address_in_events(line: Bytes, shown: &AdvertisedAddress) -> Bytes {
    // Most lines are heartbeats, or about something else.
    if [&b"HTTPAddr"[..], ADDRESS_ATTRIBUTE.as_bytes()]
        .iter()
        .all(|name| memmem::find(&line, name).is_none())
    {
        return line;
    }
    let Ok(batch) = EventBatch::parse(&line) else { return line };
    let Ok(written) = serde_json::to_string(&shown.address) else { return line };
    let mut all = Vec::new();
    for event in batch.events() {
        let Ok(Some(payload)) = event.payload() else { continue };
        if let Ok(NodeEvent { node: Some(node) }) = serde_json::from_slice(payload) {
            all.extend(edits(&line, &node, (&written, shown.tls_enabled())));
        }
    }
    apply_edits(&line, all)
}

/// What changes in a node's description that stands in `body`: the address as JSON, and whether TLS is spoken there.
fn edits<'w>(
    body: &Bytes,
    node: &Node<'_>,
    (written, spoken): (&'w str, Option<&'w str>),
) -> Vec<(Range<usize>, &'w str)> {
    let attributes = node.attributes.as_ref();
    let attribute = attributes.and_then(|attributes| attributes.get(ADDRESS_ATTRIBUTE).copied());
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    for found in [node.address, attribute].into_iter().flatten() {
        edits.extend(span(body, found).map(|span| (span, written)));
    }
    if let Some((tls, spoken)) = node.tls.zip(spoken) {
        edits.extend(span(body, tls).map(|span| (span, spoken)));
    }
    edits
}

fn apply_edits(body: &Bytes, mut edits: Vec<(Range<usize>, &str)>) -> Bytes {
    edits.sort_by_key(|(span, _)| span.start);
    let more: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut out = Vec::with_capacity(body.len() + more);
    let mut done = 0;
    for (span, text) in edits {
        out.extend_from_slice(body.get(done..span.start).unwrap_or_default());
        out.extend_from_slice(text.as_bytes());
        done = span.end;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out.into()
}

/// Where a value stands in the text that it was read from.
fn span(body: &Bytes, value: &RawValue) -> Option<Range<usize>> {
    let start = (value.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let end = start + value.get().len();
    (end <= body.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use nomad_forward::Transport;

    use super::*;

    fn rewrite_as_plain(body: &'static str, address: &str) -> String {
        rewrite(body, &AdvertisedAddress::with_plain_http(address))
    }

    fn rewrite(body: &'static str, shown: &AdvertisedAddress) -> String {
        let out = replace_address(Bytes::from_static(body.as_bytes()), shown);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn only_the_address_changes() {
        let node = r#"{"Attributes": {"b":"x", "unique.advertise.address":"10.0.0.9:4646"},
            "ID":"9bb1", "HTTPAddr" : "10.0.0.9:4646","Name":"HTTPAddr","TLSEnabled":true}"#;
        assert_eq!(
            rewrite_as_plain(node, ""),
            node.replace("\"10.0.0.9:4646\"", "\"\""),
            "blank, and the client never dials it"
        );
        assert_eq!(
            rewrite_as_plain(node, "gateway:4646"),
            node.replace("10.0.0.9:4646", "gateway:4646").replace("true", "false")
        );
    }

    #[test]
    fn a_client_speaks_to_the_gateway_as_the_gateway_wants_it() {
        let node = r#"{"HTTPAddr":"10.0.0.9:4646","TLSEnabled":false}"#;
        let over_tls = node.replace("10.0.0.9:4646", "gateway:4646").replace("false", "true");
        let shown = |address| AdvertisedAddress {
            transport: Transport::Tls,
            ..AdvertisedAddress::with_plain_http(address)
        };
        assert_eq!(rewrite(node, &shown("gateway:4646")), over_tls);
        assert_eq!(rewrite(node, &shown("")), node.replace("10.0.0.9:4646", ""));
    }

    #[test]
    fn nodes_in_events_change_and_nothing_else() {
        let node = r#"{"ID":"9bb1","Attributes":{"unique.advertise.address":"10.0.0.9:4646"},"HTTPAddr":"10.0.0.9:4646","TLSEnabled":true}"#;
        let job = r#"{"Topic":"Job","Payload":{"Job":{"Meta":{"HTTPAddr":"10.0.0.9:4646"}}}}"#;
        let line = format!(
            r#"{{"Index":7,"Events":[{{"Topic":"Node","Payload":{{"Node":{node}}}}},{job},{{"Topic":"Node","Payload":{{"Node":{node}}}}}]}}"#
        ) + "\n";
        let out = replace_address_in_events(
            line.clone().into(),
            &AdvertisedAddress::with_plain_http("gateway:4646"),
        );
        let changed = node.replace("10.0.0.9:4646", "gateway:4646").replace("true", "false");
        assert_eq!(String::from_utf8(out.to_vec()).unwrap(), line.replace(node, &changed));
        for line in
            ["{}\n", "HTTPAddr", "{\"Index\":1,\"Events\":[{\"HTTPAddr\":1}]}\n", "{\"HTTPAddr\":"]
        {
            assert_eq!(
                replace_address_in_events(line.into(), &AdvertisedAddress::with_plain_http("x")),
                line
            );
        }
    }

    #[test]
    fn what_is_no_node_stays_as_it_is() {
        for body in ["", "node not found", "[1, 2]", "{}", "{\"HTTPAddr\":"] {
            assert_eq!(rewrite_as_plain(body, "x"), body);
        }
    }
}
