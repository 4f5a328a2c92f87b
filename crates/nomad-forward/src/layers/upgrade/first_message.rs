//! The first message of a websocket, read without losing a byte of it.

use nomad_wire::{SecretId, client::HandshakeMessage};

use super::close_frame::CloseFrame;

/// So many bytes are read in search of the first message: it holds a token, and the largest are signed identities of
/// a few thousand bytes.
pub(super) const MAX_FIRST_MESSAGE: usize = 32 << 10;

/// The payload of the first message, or `None` while more bytes are needed.
///
/// Control frames before it are passed over: whoever serves the websocket in the end gets them too.
pub(super) fn parse_message(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, CloseFrame> {
    let mut message = Vec::new();
    let mut has_begun = false;
    while let Some(frame) = Frame::parse(bytes)? {
        bytes = frame.rest;
        match frame.opcode {
            0x0 if has_begun => {}
            0x1 | 0x2 if !has_begun => has_begun = true,
            0x8 => return Err(CloseFrame::protocol("closed before the first message")),
            0x9 | 0xa => continue,
            _ => return Err(CloseFrame::protocol("unexpected frame")),
        }
        message.extend(frame.payload.iter().zip(frame.mask.iter().cycle()).map(|(a, b)| a ^ b));
        if frame.is_last {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// One frame at the beginning of some bytes (RFC 6455, section 5.2).
struct Frame<'a> {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    payload: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Frame<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Option<Self>, CloseFrame> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk::<2>() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(CloseFrame::protocol("reserved bits are set"));
        }
        if second & 0x80 == 0 {
            return Err(CloseFrame::protocol("frames of a client must be masked"));
        }
        let Some((length, rest)) = extended_length(second & 0x7f, rest) else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_FIRST_MESSAGE {
            return Err(CloseFrame::policy("the first message is too long"));
        }
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        Ok(Some(Self { is_last, opcode, mask: *mask, payload, rest }))
    }
}

/// The length that stands behind the first two bytes when it does not fit into them.
fn extended_length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            Some((u16::from_be_bytes(*length).into(), rest))
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*length), rest))
        }
        short => Some((short.into(), rest)),
    }
}

/// The token in a first message. None is the anonymous client.
pub(super) fn parse_token(message: &[u8]) -> Result<Option<SecretId>, CloseFrame> {
    match HandshakeMessage::parse(message) {
        Ok(message) => Ok(message.token),
        Err(error) => Err(CloseFrame::policy(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as clients send it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match u8::try_from(payload.len()) {
            Ok(length @ ..126) => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
            }
        }
        let mask = [7, 77, 177, 17];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        frame
    }

    proptest! {
        #[test]
        fn a_message_is_found_however_it_is_cut(
            payload in prop::collection::vec(any::<u8>(), 0..400),
            cut in 0_usize..400,
            more in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let cut = cut.min(payload.len());
            let mut bytes = frame(0x01, &payload[..cut]);
            bytes.extend(frame(0x89, b"ping"));
            bytes.extend(frame(0x80, &payload[cut..]));
            for end in 0..bytes.len() {
                prop_assert_eq!(parse_message(&bytes[..end]), Ok(None));
            }
            bytes.extend(more);
            prop_assert_eq!(parse_message(&bytes), Ok(Some(payload)));
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            drop(parse_message(&bytes));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(parse_message(&[0x81, 0x02, b'{', b'}']).is_err(), "not masked");
        assert!(parse_message(&[0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]).is_err(), "too long");
        assert!(parse_message(&frame(0x88, b"")).is_err(), "closed");
        assert!(parse_message(&frame(0x80, b"x")).is_err(), "continues nothing");
    }

    #[test]
    fn tokens_are_read_as_nomad_reads_them() {
        let read = |text: &str| {
            parse_token(text.as_bytes()).map(|token| token.map(|t| t.expose().to_owned()))
        };
        assert_eq!(read(r#"{"version":1,"auth_token":"s"}"#), Ok(Some("s".into())));
        assert_eq!(read(r#"{"version":1,"auth_token":""}"#), Ok(None));
        assert_eq!(read(r#"{"version":1,"auth_token":null}"#), Ok(None));
        assert_eq!(
            read(r#"{"version":2,"auth_token":"s"}"#),
            Err(CloseFrame::policy("unexpected handshake value: 2"))
        );
        assert!(read("[]").is_err());
        // The last of equal keys counts, for the agent too, which gets the same bytes.
        let repeated = r#"{"version":1,"auth_token":"a","auth_token":"b"}"#;
        assert_eq!(read(repeated), Ok(Some("b".into())));
    }
}
