//! `GET /v1/client/allocation/:id/pause`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{Keys, Unknown};

/// Whether a task is paused by its schedule: the answer of `GET
/// /v1/client/allocation/:id/pause`, which only Nomad Enterprise gives.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PauseState {
    /// Empty, `force_run`, `scheduled_pause`, `force_pause` or `schedule_resume`.
    pub schedule_state: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: Unknown,
}

impl Serialize for PauseState {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys::declared(to, &self.other)?;
        keys.put("ScheduleState", &self.schedule_state)?;
        keys.end()
    }
}
