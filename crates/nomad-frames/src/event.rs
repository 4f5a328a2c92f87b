//! The event stream of `/v1/event/stream`: one JSON object a line.

use std::borrow::Cow;

use crate::error::FrameError;
use crate::json_object::JsonObject;
use crate::limits::Limits;
use crate::members::{Elements, ValueKind};
use crate::text::decode_string;

/// One line of the event stream: the events that one index of Nomad's state brought, or a
/// heartbeat, `{}`.
///
/// ```
/// use nomad_frames::EventBatch;
///
/// let line = br#"{"Index":7,"Events":[{"Topic":"Job","Type":"JobRegistered","Key":"web",
///     "Namespace":"default","Index":7,"Payload":{"Job":{}}}]}"#;
/// let batch = EventBatch::parse(line)?;
/// assert_eq!(batch.index(), 7);
/// let event = batch.events().next().expect("there is one");
/// assert_eq!((event.topic()?, event.kind()?, event.key()?), ("Job".into(), "JobRegistered".into(), "web".into()));
/// assert_eq!(event.payload()?, Some(&br#"{"Job":{}}"#[..]));
/// # Ok::<(), nomad_frames::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventBatch<'a> {
    index: i64,
    events: &'a [u8],
    is_empty: bool,
}

impl<'a> EventBatch<'a> {
    /// Reads a line, with its line break or without. Nothing is copied.
    ///
    /// # Errors
    /// What is wrong with it, at its position in the line.
    pub fn parse(line: &'a [u8]) -> Result<Self, FrameError> {
        let whole = JsonObject::parse(line, Limits::events())?;
        Ok(Self {
            index: whole.find("Index").map_or(Ok(0), |v| v.integer())?,
            events: whole.find("Events").map_or(Ok(&b"[]"[..]), |v| v.array())?,
            is_empty: whole.members().next().is_none(),
        })
    }

    /// The index of Nomad's state at which the events happened: where to resume from.
    #[must_use]
    pub const fn index(&self) -> i64 {
        self.index
    }

    /// Whether the line only says that the stream is alive.
    #[must_use]
    pub const fn is_heartbeat(&self) -> bool {
        self.is_empty
    }

    /// The events in order. An element that is not an object is no event and is left out.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        Elements::new(self.events)
            .filter(|(kind, _)| *kind == ValueKind::Object)
            .map(|(_, json)| Event { object: JsonObject { json, position: 0 } })
    }
}

/// One event. Error positions count from its own first byte.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    object: JsonObject<'a>,
}

impl<'a> Event<'a> {
    /// The JSON of the event.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.object.json
    }

    /// `Topic`, such as `Job` or `Allocation`.
    ///
    /// # Errors
    /// [`FrameError::Type`] if it is not a string; so for the others.
    pub fn topic(&self) -> Result<Cow<'a, str>, FrameError> {
        self.string("Topic")
    }

    /// `Type`, such as `JobRegistered`.
    ///
    /// # Errors
    /// [`FrameError::Type`]
    pub fn kind(&self) -> Result<Cow<'a, str>, FrameError> {
        self.string("Type")
    }

    /// `Key`, the id of what the event is about.
    ///
    /// # Errors
    /// [`FrameError::Type`]
    pub fn key(&self) -> Result<Cow<'a, str>, FrameError> {
        self.string("Key")
    }

    /// `Namespace`; empty for what has none.
    ///
    /// # Errors
    /// [`FrameError::Type`]
    pub fn namespace(&self) -> Result<Cow<'a, str>, FrameError> {
        self.string("Namespace")
    }

    /// `Payload`, an object, as JSON.
    ///
    /// # Errors
    /// [`FrameError::Type`]
    pub fn payload(&self) -> Result<Option<&'a [u8]>, FrameError> {
        self.object.find("Payload").map(|v| v.object().map(|o| o.json)).transpose()
    }

    fn string(&self, key: &'static str) -> Result<Cow<'a, str>, FrameError> {
        self.object.find(key).map_or(Ok(Cow::Borrowed("")), |v| v.string().map(decode_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_and_errors() {
        assert!(EventBatch::parse(b"{}\n").unwrap().is_heartbeat());
        let batch = EventBatch::parse(br#" {"Index":5,"Events":null} "#).unwrap();
        assert_eq!((batch.index(), batch.is_heartbeat(), batch.events().count()), (5, false, 0));
        for (line, at) in [
            (&br#" {"Index":"5"}"#[..], 11),
            (br#"{"Events":{}}"#, 10),
            (b"{}{}", 2),
            (b"{]", 1),
            (b"{", 0),
        ] {
            assert_eq!(EventBatch::parse(line).unwrap_err().offset(), at);
        }
    }

    #[test]
    fn only_objects_are_events() {
        let batch =
            EventBatch::parse(br#"{"Events":[1,{"Topic":"Job"},null,{"Topic":5}]}"#).unwrap();
        let topics: Vec<_> = batch.events().map(|e| e.topic().is_ok()).collect();
        assert_eq!(topics, [true, false]);
    }
}
