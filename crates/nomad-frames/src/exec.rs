//! The messages of `/v1/client/allocation/:id/exec`, each a websocket text message.

use crate::error::FrameError;
use crate::json_object::JsonObject;
use crate::limits::Limits;
use crate::payload::Payload;

/// One message of an exec session, in either direction. What a message does not say is absent;
/// a heartbeat, `{}`, says nothing.
///
/// The handshake that carries the token (`ws_handshake=true`) is not one of these messages.
///
/// ```
/// use nomad_frames::ExecMessage;
///
/// let message = ExecMessage::parse(br#"{"stdout":{"data":"aGkK"}}"#)?;
/// let mut out = Vec::new();
/// message.stdout.expect("it is output").data.decode_into(&mut out)?;
/// assert_eq!(out, b"hi\n");
/// // An exit code of zero is left out by Nomad.
/// assert_eq!(ExecMessage::parse(br#"{"exited":true,"result":{}}"#)?.exited, Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecMessage<'a> {
    /// Input for the command, from the caller.
    pub stdin: Option<ExecData<'a>>,
    /// What the command wrote to its output.
    pub stdout: Option<ExecData<'a>>,
    /// What the command wrote to its error output.
    pub stderr: Option<ExecData<'a>>,
    /// The caller's terminal has a new size.
    pub tty_size: Option<TtySize>,
    /// The command has ended, with this exit code. The last message of a session.
    pub exited: Option<i64>,
}

/// A piece of input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecData<'a> {
    /// The bytes, still in base64.
    pub data: Payload<'a>,
    /// Whether nothing comes after them.
    pub close: bool,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtySize {
    /// Lines.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

impl<'a> ExecMessage<'a> {
    /// The longest message that is read, in bytes: Nomad has no limit, its own clients put 2 KiB of input into a message,
    /// and others put a whole file of some megabytes into one.
    pub const MAX_LENGTH: usize = 4 << 20;

    /// Reads a message. Nothing is copied or decoded.
    ///
    /// # Errors
    /// What is wrong with it, at its position in the message.
    pub fn parse(message: &'a [u8]) -> Result<Self, FrameError> {
        let limits = Limits { max_frame: Self::MAX_LENGTH, ..Limits::default() };
        let whole = JsonObject::parse(message, limits)?;
        let exited = whole.find("exited").map_or(Ok(false), |v| v.boolean())?;
        let code = whole.find("result").map(|v| v.object()?.integer_or_zero("exit_code"));
        Ok(Self {
            stdin: ExecData::find(whole, "stdin")?,
            stdout: ExecData::find(whole, "stdout")?,
            stderr: ExecData::find(whole, "stderr")?,
            tty_size: TtySize::find(whole)?,
            exited: if exited { Some(code.unwrap_or(Ok(0))?) } else { None },
        })
    }

    /// Whether the message only says that the caller is alive.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        *self == Self::default()
    }
}

impl<'a> ExecData<'a> {
    fn find(whole: JsonObject<'a>, key: &'static str) -> Result<Option<Self>, FrameError> {
        let Some(value) = whole.find(key) else { return Ok(None) };
        let value = value.object()?;
        let data = value.find("data").map_or(Ok(&b""[..]), |v| v.string())?;
        let close = value.find("close").map_or(Ok(false), |v| v.boolean())?;
        Ok(Some(Self { data: Payload::new(data), close }))
    }
}

impl TtySize {
    fn find(whole: JsonObject<'_>) -> Result<Option<Self>, FrameError> {
        let Some(value) = whole.find("tty_size") else { return Ok(None) };
        let size = value.object()?;
        let height = size.integer_or_zero("height")?;
        Ok(Some(Self { height, width: size.integer_or_zero("width")? }))
    }
}

impl JsonObject<'_> {
    fn integer_or_zero(&self, key: &'static str) -> Result<i64, FrameError> {
        self.find(key).map_or(Ok(0), |v| v.integer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_a_session() {
        let parse = |json: &'static str| ExecMessage::parse(json.as_bytes()).unwrap();
        let data =
            |raw: &'static str, close| Some(ExecData { data: Payload::new(raw.as_bytes()), close });
        assert_eq!(parse(r#"{"stdin":{"data":"bHM="}}"#).stdin, data("bHM=", false));
        assert_eq!(parse(r#"{"stdin":{"close":true}}"#).stdin, data("", true));
        assert_eq!(parse(r#"{"stderr":{"close":true}}"#).stderr, data("", true));
        let size = TtySize { height: 24, width: 80 };
        assert_eq!(parse(r#"{"tty_size":{"height":24,"width":80}}"#).tty_size, Some(size));
        assert_eq!(parse(r#"{"exited":true,"result":{"exit_code":137}}"#).exited, Some(137));
        assert_eq!(parse(r#"{"exited":false,"result":{"exit_code":1}}"#).exited, None);
        assert!(parse("{}").is_heartbeat());
        assert!(parse(r#"{"stdout":null}"#).is_heartbeat());
    }

    #[test]
    fn errors_have_positions() {
        for (json, at) in [
            (&br#"{"stdout":"x"}"#[..], 11),
            (br#"{"stdout":{"data":5}}"#, 18),
            (br#"{"exited":"yes"}"#, 11),
            (br#"{"tty_size":{"width":1.5}}"#, 21),
        ] {
            assert_eq!(ExecMessage::parse(json).unwrap_err().offset(), at);
        }
    }
}
