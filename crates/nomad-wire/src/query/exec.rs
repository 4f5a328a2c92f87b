//! `/v1/client/allocation/:alloc/exec`.

use std::borrow::Cow;

use super::{Query, QueryError};
use crate::{go, json};

/// What is run in the place of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecQuery<'a> {
    /// The task; never empty.
    pub task: Cow<'a, str>,
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// With a terminal.
    pub tty: bool,
}

impl<'a> ExecQuery<'a> {
    /// Reads the parameters in Nomad's order.
    ///
    /// # Errors
    /// [`QueryError::Command`], [`QueryError::Tty`], [`QueryError::MissingTask`], [`QueryError::MissingCommand`].
    pub fn parse(query: &Query<'a>) -> Result<Self, QueryError> {
        let command = query.first("command").unwrap_or_default();
        let command = json::string_list(command.as_bytes()).map_err(QueryError::Command)?;
        let tty = flag(query, "tty").map_err(QueryError::Tty)?;
        let task = query.non_empty("task").ok_or(QueryError::MissingTask)?;
        if command.is_empty() {
            return Err(QueryError::MissingCommand);
        }
        Ok(Self { task, command, tty })
    }

    /// Whether the caller's first message is its token.
    ///
    /// # Errors
    /// [`QueryError::Handshake`].
    pub fn has_handshake(query: &Query<'_>) -> Result<bool, QueryError> {
        flag(query, "ws_handshake").map_err(QueryError::Handshake)
    }
}

fn flag(query: &Query<'_>, key: &str) -> Result<bool, go::BoolError> {
    query.non_empty(key).map_or(Ok(false), |value| go::parse_bool(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpError;

    #[test]
    fn a_command_is_a_list_of_words() {
        let query = Query::new("task=web&command=%5B%22ls%22,%22-l%22%5D&tty=1");
        let exec = ExecQuery::parse(&query).unwrap();
        assert_eq!((exec.task.as_ref(), exec.tty), ("web", true));
        assert_eq!(exec.command, ["ls", "-l"]);
        assert_eq!(ExecQuery::has_handshake(&query), Ok(false));
        assert_eq!(ExecQuery::has_handshake(&Query::new("ws_handshake=true")), Ok(true));
    }

    #[test]
    fn errors_have_nomads_texts_and_order() {
        let bad = r#"tty value is not a boolean: strconv.ParseBool: parsing "x": invalid syntax"#;
        let json = "failed to marshal command into json:";
        let list = "json: cannot unmarshal object into Go value of type []string";
        for (raw, status, text) in [
            ("tty=x", 500, format!("{json} unexpected end of JSON input")),
            ("command={}", 500, format!("{json} {list}")),
            (
                "command=[1]",
                500,
                format!("{json} {}", list.replace("object", "number").replace("[]", "")),
            ),
            ("command=[]x", 500, format!("{json} invalid character 'x' after top-level value")),
            ("command=[]&tty=x", 500, bad.to_owned()),
            ("command=[]", 400, "must provide task name".to_owned()),
            ("command=null&task=web", 400, "command is not present".to_owned()),
        ] {
            let fault = HttpError::from(ExecQuery::parse(&Query::new(raw)).unwrap_err());
            assert_eq!((fault.status().as_u16(), fault.text()), (status, text.as_str()), "{raw}");
        }
    }
}
