//! Bytes as base64 text: standard alphabet, with padding.

use std::borrow::Cow;

use base64::{Engine as _, display::Base64Display, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Prints bytes as base64 without an intermediate string.
pub(crate) struct Base64<'a>(pub(crate) &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

/// Reads base64 text; `null` is no bytes.
pub(crate) fn base64_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text: Option<Cow<'de, str>> = Option::deserialize(from)?;
    let Some(text) = text else { return Ok(Bytes::new()) };
    STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(D::Error::custom)
}
