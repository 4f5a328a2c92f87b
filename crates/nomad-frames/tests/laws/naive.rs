//! The obvious decoder: `serde_json` over a stream of owned structs, with the leniency of Go in
//! what a key may look like. What it says about a stream is the measure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use nomad_frames::{FrameBuf, FrameError};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::FrameContent;

#[derive(Default)]
struct ReferenceFrame {
    data: String,
    file: String,
    event: String,
    offset: i64,
}

impl<'de> Deserialize<'de> for ReferenceFrame {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ReferenceFrameVisitor)
    }
}

struct ReferenceFrameVisitor;

impl<'de> Visitor<'de> for ReferenceFrameVisitor {
    type Value = ReferenceFrame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReferenceFrame, A::Error> {
        let mut frame = ReferenceFrame::default();
        while let Some(key) = map.next_key::<String>()? {
            // Go folds the long s into an s.
            match key.replace('\u{17f}', "s").to_ascii_lowercase().as_str() {
                "data" => frame.data = map.next_value::<Option<String>>()?.unwrap_or_default(),
                "file" => frame.file = map.next_value::<Option<String>>()?.unwrap_or(frame.file),
                "fileevent" => {
                    frame.event = map.next_value::<Option<String>>()?.unwrap_or(frame.event)
                }
                "offset" => frame.offset = map.next_value::<Option<i64>>()?.unwrap_or(frame.offset),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(frame)
    }
}

impl ReferenceFrame {
    fn content(self) -> Option<FrameContent> {
        let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
        let data = engine.decode(self.data.replace(['\r', '\n'], "")).ok()?;
        Some(FrameContent {
            file: self.file,
            event: self.event,
            offset: self.offset,
            data: Ok(data),
        })
    }
}

/// Asserts that `frames` and `end` are what the obvious decoder finds in `input`: the same valid
/// frames, and an error after them or none.
pub(super) fn agrees(
    input: &[u8],
    frames: &[(FrameBuf, FrameContent)],
    end: &Result<(), FrameError>,
) {
    if is_beyond(input, end) {
        return;
    }
    let text: String = input.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        text
    });
    let mut expect = Vec::new();
    let mut fails = false;
    for frame in serde_json::Deserializer::from_str(&text).into_iter::<Option<ReferenceFrame>>() {
        let Some(meaning) = frame.ok().and_then(|f| f.unwrap_or_default().content()) else {
            fails = true;
            break;
        };
        expect.push(meaning);
    }
    let valid = frames.iter().take_while(|(_, meaning)| meaning.data.is_ok()).count();
    assert_eq!(valid < frames.len() || end.is_err(), fails, "{text:?} {end:?}");
    let mut found: Vec<_> = frames[..valid].iter().map(|(_, meaning)| meaning.clone()).collect();
    if fails && text.contains("null") {
        // Of `nullx` it takes nothing, where Go and we take the `null`.
        found.truncate(expect.len());
    }
    assert_eq!(found, expect);
}

/// Whether the two differ by decision: half surrogate pairs are errors to serde_json and not to
/// Go, so is -0 as an integer, and only we have limits.
fn is_beyond(input: &[u8], end: &Result<(), FrameError>) -> bool {
    let has = |needle: &[u8]| input.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle));
    has(br"\ud")
        || has(b"-0")
        || matches!(end, Err(FrameError::TooLong { .. } | FrameError::TooDeep { .. }))
}
