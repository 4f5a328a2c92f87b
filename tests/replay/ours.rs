//! Our fleet's responses.

use std::io::Write as _;

use http::HeaderMap;

/// A response, as far as it was read.
#[derive(Debug)]
pub(super) struct OurResponse {
    /// 0 when not even a head came.
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether it continued when reading stopped.
    pub(super) is_cut: bool,
}

impl OurResponse {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same response, decoded.
    pub(super) fn decompressed(mut self) -> Self {
        let unpacked = match self.header("content-encoding").as_deref() {
            Some("gzip") => {
                let mut decoder = flate2::write::GzDecoder::new(Vec::new());
                // A response that was cut off ends before its checksum.
                drop(decoder.write_all(&self.body).and_then(|()| decoder.flush()));
                decoder.get_ref().clone()
            }
            Some("deflate") => {
                let mut decoder = flate2::write::DeflateDecoder::new(Vec::new());
                drop(decoder.write_all(&self.body).and_then(|()| decoder.flush()));
                decoder.get_ref().clone()
            }
            _ => return self,
        };
        self.body = unpacked;
        self
    }
}
