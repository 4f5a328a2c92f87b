//! `/v1/client/allocation/:id/pause`.

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::json::{BodyError, Object, ObjectWriter, UnknownFields};

/// Whether a task is paused by its schedule: the answer of `GET
/// /v1/client/allocation/:id/pause`, which only Nomad Enterprise gives.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PauseState {
    /// Empty, `force_run`, `scheduled_pause`, `force_pause` or `schedule_resume`.
    pub schedule_state: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for PauseState {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("ScheduleState", &self.schedule_state)?;
        keys.end()
    }
}

/// The body of `PUT /v1/client/allocation/:id/pause`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it to ask")]
pub struct PauseRequest {
    /// The task.
    pub task: String,
    /// `pause`, `run` or `scheduled`.
    pub schedule_state: String,
}

/// Why a request to pause is refused before anybody looks at the task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PauseError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// There is no such state.
    #[error("Not a valid task schedule state")]
    InvalidState,
}

impl PauseRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`PauseError`].
    pub fn parse(body: &[u8]) -> Result<Self, PauseError> {
        let object = Object::parse_required(body, "AllocPauseRequest")?;
        let field = |name| object.string(name).map_err(BodyError::from);
        let request = Self { task: field("Task")?, schedule_state: field("ScheduleState")? };
        match request.schedule_state.as_str() {
            "pause" | "run" | "scheduled" => Ok(request),
            _ => Err(PauseError::InvalidState),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_states_can_be_asked_for() {
        let read = |body: &str| PauseRequest::parse(body.as_bytes());
        let expected = PauseRequest { task: "web".into(), schedule_state: "pause".into() };
        assert_eq!(read(r#"{"task":"web","scheduleState":"pause"}"#), Ok(expected));
        assert_eq!(read(r#"{"ScheduleState":"Pause"}"#), Err(PauseError::InvalidState));
        assert_eq!(read("{}"), Err(PauseError::InvalidState));
        assert_eq!(read(""), Err(PauseError::Body(BodyError::Missing)));
    }
}
