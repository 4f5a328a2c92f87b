//! The last frame of a websocket: why it ends.

use http::StatusCode;

/// Nomad's code for whatever is the caller's fault (RFC 6455: policy violation).
const POLICY: u16 = 1008;
/// Nomad's code for whatever is its own fault (RFC 6455: unexpected condition).
const INTERNAL: u16 = 1011;
/// The frames of the caller break the protocol (RFC 6455).
const PROTOCOL: u16 = 1002;

/// No room now, but perhaps later (registered for RFC 6455: try again later).
const BUSY: u16 = 1013;

/// Everything was said (RFC 6455).
const NORMAL: u16 = 1000;

/// The payload of a control frame has at most 125 bytes; two are the code.
const MAX_REASON: usize = 123;

/// A server's close frame of this code and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CloseFrame {
    pub(super) code: u16,
    reason: String,
}

impl CloseFrame {
    /// It is the caller's fault.
    pub(super) fn policy(reason: impl Into<String>) -> Self {
        Self { code: POLICY, reason: reason.into() }
    }

    /// Nothing went wrong.
    pub(super) fn normal(reason: &str) -> Self {
        Self { code: NORMAL, reason: reason.to_owned() }
    }

    /// Something here, or at the agent, went wrong.
    pub(super) fn internal(reason: &str) -> Self {
        Self { code: INTERNAL, reason: reason.to_owned() }
    }

    /// There is no room for more.
    pub(super) fn busy(reason: &str) -> Self {
        Self { code: BUSY, reason: reason.to_owned() }
    }

    /// The caller's frames break the protocol.
    pub(super) fn protocol(reason: &str) -> Self {
        Self { code: PROTOCOL, reason: reason.to_owned() }
    }

    /// What Nomad would have answered with this status, had the connection not been upgraded already.
    pub(super) fn from_status(status: StatusCode, text: &str) -> Self {
        let code = if status.is_server_error() { INTERNAL } else { POLICY };
        Self { code, reason: text.trim_end().to_owned() }
    }

    /// The frame.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut end = self.reason.len().min(MAX_REASON);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = self.reason.as_bytes().get(..end).unwrap_or_default();
        let length = u8::try_from(2 + reason.len()).unwrap_or(2);
        let mut frame = vec![0x88, length];
        frame.extend_from_slice(&self.code.to_be_bytes());
        frame.extend_from_slice(reason);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_is_a_control_frame() {
        assert_eq!(CloseFrame::policy("no").to_bytes(), [0x88, 4, 0x03, 0xf0, b'n', b'o']);
        let long = CloseFrame::from_status(StatusCode::BAD_GATEWAY, &"ä".repeat(100)).to_bytes();
        assert_eq!((long.len(), long[1], &long[2..4]), (2 + 124, 124, &[0x03, 0xf3][..]));
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
