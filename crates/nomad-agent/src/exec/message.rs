//! The messages of an exec session, one JSON object each.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use nomad_frames::ExecMessage;

/// A message from the client.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct ExecInput {
    /// Bytes for the standard input; empty in a heartbeat.
    pub(super) stdin: Vec<u8>,
    /// Close the standard input after these bytes.
    pub(super) close: bool,
    /// Rows and columns of the client's terminal.
    pub(super) size: Option<(u16, u16)>,
}

impl ExecInput {
    /// Parses one message; `None` if it is invalid.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let message = ExecMessage::parse(message).ok()?;
        let mut input = Self::default();
        if let Some(stdin) = message.stdin {
            stdin.data.decode_into(&mut input.stdin).ok()?;
            input.close = stdin.close;
        }
        if let Some(size) = message.tty_size {
            input.size = u16::try_from(size.height).ok().zip(u16::try_from(size.width).ok());
        }
        Some(input)
    }
}

/// Which output of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputStream {
    Stdout,
    Stderr,
}

impl OutputStream {
    const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// A message with output of the process.
    pub(super) fn data_message(self, data: &[u8]) -> Bytes {
        let name = self.name();
        format!(r#"{{"{name}":{{"data":"{}"}}}}"#, STANDARD.encode(data)).into()
    }

    /// The message that this output is closed.
    pub(super) fn close_message(self) -> Bytes {
        format!(r#"{{"{}":{{"close":true}}}}"#, self.name()).into()
    }
}

/// The message that the process has ended. As in all these messages, a zero is omitted.
pub(super) fn exit_message(code: i32) -> Bytes {
    match code {
        0 => Bytes::from_static(br#"{"exited":true,"result":{}}"#),
        code => format!(r#"{{"exited":true,"result":{{"exit_code":{code}}}}}"#).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_understood() {
        let input =
            |stdin: &[u8], close, size| Some(ExecInput { stdin: stdin.into(), close, size });
        for (message, expected) in [
            ("{}", input(b"", false, None)),
            (r#"{"stdin":{"data":"aGk="}}"#, input(b"hi", false, None)),
            (r#"{"stdin":{"close":true}}"#, input(b"", true, None)),
            (r#"{"stdin":{"data":null},"other":1}"#, input(b"", false, None)),
            (r#"{"tty_size":{"height":24,"width":80}}"#, input(b"", false, Some((24, 80)))),
            (r#"{"stdin":{"data":"?"}}"#, None),
            ("hello", None),
        ] {
            assert_eq!(ExecInput::parse(message.as_bytes()), expected, "{message}");
        }
    }

    #[test]
    fn answers_have_nomads_form() {
        assert_eq!(OutputStream::Stdout.data_message(b"hi"), r#"{"stdout":{"data":"aGk="}}"#);
        assert_eq!(OutputStream::Stderr.close_message(), r#"{"stderr":{"close":true}}"#);
        assert_eq!(exit_message(0), r#"{"exited":true,"result":{}}"#);
        assert_eq!(exit_message(3), r#"{"exited":true,"result":{"exit_code":3}}"#);
    }
}
