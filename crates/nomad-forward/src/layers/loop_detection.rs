//! Requests that come back to the gateway that sent them: two gateways that take each other for an agent, or one whose address
//! an agent advertises, would pass a request around until nothing is left to hold it.
//!
//! Each request to an agent says in `Via` (RFC 9110, 7.6.3) which process it passed.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::VIA};

/// This process, as it stands in `Via`: a random number, since names of hosts are nobody's business.
static VIA_ENTRY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let number = RandomState::new().hash_one("gateway");
    let text = Bytes::from(format!("1.1 nomad-gateway-{number:016x}"));
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static("1.1 nomad-gateway"))
});

/// Whether a request has passed this process before.
#[must_use]
pub fn is_loop(headers: &HeaderMap) -> bool {
    // A proxy between may have put all of them into one line.
    let passed = |value: &HeaderValue| {
        value == *VIA_ENTRY
            || value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|one| one.trim_ascii() == VIA_ENTRY.as_bytes())
    };
    headers.get_all(VIA).iter().any(passed)
}

/// Notes that a request has passed this process.
pub(crate) fn add_via(headers: &mut HeaderMap) {
    // One that is sent once more has its mark.
    if !is_loop(headers) {
        headers.append(VIA, VIA_ENTRY.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_has_passed_is_known_again_behind_other_proxies() {
        let mut headers = HeaderMap::new();
        headers.append(VIA, HeaderValue::from_static("1.1 proxy"));
        assert!(!is_loop(&headers));
        add_via(&mut headers);
        assert!(is_loop(&headers));
        assert_eq!(headers.get_all(VIA).iter().count(), 2, "what others wrote stays");
        let line = format!("1.1 proxy, {}, 2.0 other", VIA_ENTRY.to_str().unwrap());
        headers.insert(VIA, line.parse().unwrap());
        assert!(is_loop(&headers));
        headers.insert(VIA, HeaderValue::from_static("1.1 nomad-gateway-0000000000000000"));
        assert!(!is_loop(&headers), "another gateway");
    }
}
