//! A node's JSON with another address, and every other byte as it was.

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is replaced in a node's description. Keys are kept as they stand, so that their order and layout stay.
#[derive(Deserialize)]
struct Node<'a> {
    #[serde(rename = "HTTPAddr", borrow)]
    address: Option<&'a RawValue>,
    /// A client would speak TLS to the address if this said so.
    #[serde(rename = "TLSEnabled", borrow)]
    tls: Option<&'a RawValue>,
    #[serde(rename = "Attributes", borrow, default)]
    attributes: Option<HashMap<&'a str, &'a RawValue>>,
}

/// The attribute that repeats the address.
const ATTRIBUTE: &str = "unique.advertise.address";

/// The same text with the address replaced; as it was when it is no node's description.
pub(super) fn with_address(body: Bytes, address: &str) -> Bytes {
    // A list would be read as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return body;
    }
    let Ok(node) = serde_json::from_slice::<Node<'_>>(&body) else { return body };
    let Ok(written) = serde_json::to_string(address) else { return body };
    let attributes = node.attributes.as_ref();
    let attribute = attributes.and_then(|attributes| attributes.get(ATTRIBUTE).copied());
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    for found in [node.address, attribute].into_iter().flatten() {
        edits.extend(span(&body, found).map(|span| (span, &*written)));
    }
    if let Some(tls) = node.tls.filter(|_| !address.is_empty()) {
        edits.extend(span(&body, tls).map(|span| (span, "false")));
    }
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(body.len() + written.len() * 2);
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
    use super::*;

    fn rewritten(body: &'static str, address: &str) -> String {
        let out = with_address(Bytes::from_static(body.as_bytes()), address);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn only_the_address_changes() {
        let node = r#"{"Attributes": {"b":"x", "unique.advertise.address":"10.0.0.9:4646"},
            "ID":"9bb1", "HTTPAddr" : "10.0.0.9:4646","Name":"HTTPAddr","TLSEnabled":true}"#;
        assert_eq!(
            rewritten(node, ""),
            node.replace("\"10.0.0.9:4646\"", "\"\""),
            "blank, and the client never dials it"
        );
        assert_eq!(
            rewritten(node, "gateway:4646"),
            node.replace("10.0.0.9:4646", "gateway:4646").replace("true", "false")
        );
    }

    #[test]
    fn what_is_no_node_stays_as_it_is() {
        for body in ["", "node not found", "[1, 2]", "{}", "{\"HTTPAddr\":"] {
            assert_eq!(rewritten(body, "x"), body);
        }
    }
}
