//! The body of `PUT /v1/client/allocation/:id/restart`.

use crate::json::{DecodeError, Object};

/// Which tasks of an allocation are to be restarted.
///
/// An id of an allocation in the body is ignored: the one in the path counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it to ask")]
pub struct RestartRequest {
    /// Only this one; empty means all that run.
    pub task_name: String,
    /// Those that have ended as well.
    pub all_tasks: bool,
}

impl RestartRequest {
    /// Reads the body of a request. An empty one is the default.
    ///
    /// # Errors
    /// [`DecodeError`], which Nomad answers with 500.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let object = match Object::parse(body, "") {
            Err(DecodeError::Eof) => return Ok(Self::default()),
            object => object?,
        };
        Ok(Self { task_name: object.string("TaskName")?, all_tasks: object.boolean("AllTasks")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_all_that_run() {
        let body = |body: &str| RestartRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(body(""), RestartRequest::default());
        assert_eq!(body(r#"{"AllocID":"x","TaskName":null}"#), RestartRequest::default());
        let expected = RestartRequest { task_name: "web".into(), all_tasks: true };
        assert_eq!(body(r#"{"taskname":"web","ALLTASKS":true}"#), expected);
        assert_eq!(RestartRequest::parse(b"{").unwrap_err(), DecodeError::UnexpectedEof);
    }
}
