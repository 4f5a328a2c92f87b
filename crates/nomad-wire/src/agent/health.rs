//! `GET /v1/agent/health`.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{Layout, ObjectWriter, UnknownFields, to_json, to_json_escaped};

/// Whether the roles of an agent work: the answer of `GET /v1/agent/health`.
///
/// A role that was not asked for, or that the agent does not have, is absent. Status 200 goes with
/// a healthy answer (`application/json`), 500 with an unhealthy one (`text/plain`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Health {
    /// The client part.
    pub client: Option<HealthStatus>,
    /// The server part.
    pub server: Option<HealthStatus>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Health {
    /// Whether every role that was looked at works; true when none was.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        [&self.client, &self.server].into_iter().flatten().all(|role| role.ok)
    }

    /// The body as Nomad sends it.
    ///
    /// A healthy agent prints sorted keys and honours the layout. An unhealthy one goes through
    /// another encoder: always compact, `ok` before `message`, and `<`, `>`, `&` escaped.
    ///
    /// # Errors
    ///
    /// As [`to_json`].
    pub fn to_body(&self, layout: Layout) -> serde_json::Result<Vec<u8>> {
        if self.is_healthy() { to_json(self, layout) } else { to_json_escaped(&Unhealthy(self)) }
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write_some("client", self.client.as_ref())?;
        keys.write_some("server", self.server.as_ref())?;
        keys.end()
    }
}

/// How one role of an agent is, in [`Health`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct HealthStatus {
    /// `ok`, or why not: `no known servers`, `server not enabled`, `No cluster leader`, ...
    pub message: String,
    /// Whether the role works.
    pub ok: bool,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl HealthStatus {
    /// A role that works, with Nomad's message.
    #[must_use]
    pub fn ok() -> Self {
        Self { message: "ok".to_owned(), ok: true, other: UnknownFields::default() }
    }

    /// A role that does not, and why.
    #[must_use]
    pub fn failing(why: impl Into<String>) -> Self {
        Self { message: why.into(), ok: false, other: UnknownFields::default() }
    }
}

impl Serialize for HealthStatus {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("message", &self.message)?;
        keys.write("ok", &self.ok)?;
        keys.end()
    }
}

/// The same answer in the order of declaration.
struct Unhealthy<'a>(&'a Health);

impl Serialize for Unhealthy<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.0.other)?;
        keys.write_some("client", self.0.client.as_ref().map(UnhealthyStatus).as_ref())?;
        keys.write_some("server", self.0.server.as_ref().map(UnhealthyStatus).as_ref())?;
        keys.end()
    }
}

/// One role in the order of declaration.
struct UnhealthyStatus<'a>(&'a HealthStatus);

impl Serialize for UnhealthyStatus<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.0.other)?;
        keys.write("ok", &self.0.ok)?;
        keys.write("message", &self.0.message)?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(health: &Health, layout: Layout) -> String {
        String::from_utf8(health.to_body(layout).unwrap()).unwrap()
    }

    #[test]
    fn healthy_bodies_are_sorted() {
        let role = Some(HealthStatus::ok());
        let health = Health { client: role.clone(), server: role, ..Health::default() };
        let wire = r#"{"client":{"message":"ok","ok":true},"server":{"message":"ok","ok":true}}"#;
        assert_eq!(body(&health, Layout::Compact), wire);
        assert_eq!(body(&Health::default(), Layout::Compact), "{}");
    }

    #[test]
    fn unhealthy_bodies_are_declared_compact_and_escaped() {
        let health = Health {
            client: Some(HealthStatus::failing("<no> & servers")),
            server: Some(HealthStatus::ok()),
            ..Health::default()
        };
        let wire = r#"{"client":{"ok":false,"message":"\u003cno\u003e \u0026 servers"},"server":{"ok":true,"message":"ok"}}"#;
        assert_eq!(body(&health, Layout::Pretty), wire);
        assert_eq!(serde_json::from_str::<Health>(wire).unwrap(), health);
    }
}
