//! The body of `PUT /v1/client/allocation/:id/signal`.

use crate::json::{BodyError, Object};

/// A signal for the tasks of an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it to ask")]
pub struct SignalRequest {
    /// The name of the signal, `SIGUSR1` say.
    pub signal: String,
    /// Only this task; empty means all.
    pub task: String,
}

impl SignalRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`BodyError`]: there must be a body.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let object = Object::parse_required(body, "AllocSignalRequest")?;
        Ok(Self { signal: object.string("Signal")?, task: object.string("Task")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_must_be_a_body() {
        let read = |body: &str| SignalRequest::parse(body.as_bytes());
        assert_eq!(read("").unwrap_err().to_string(), "Request body is empty");
        let expected = SignalRequest { signal: "SIGHUP".into(), task: String::new() };
        assert_eq!(read(r#"{"signal":"SIGHUP","Task":null}"#), Ok(expected));
        let refused = read(r#"{"Signal":[]}"#).unwrap_err().to_string();
        let field = "struct field AllocSignalRequest.Signal of type string";
        assert_eq!(refused, format!("json: cannot unmarshal array into Go {field}"));
    }
}
