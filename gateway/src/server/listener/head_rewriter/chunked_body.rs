//! The end of a body in chunks (RFC 9112, section 7.1).

/// Where in such a body one is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ChunkedBody {
    state: ChunkState,
    /// The size of the chunk, or what is left of it; in a trailer, the length of the line.
    size: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    Extension,
    Data,
    DataEnd,
    Trailer,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// All of it belongs to the body.
    More,
    /// The body ends after so many bytes.
    End(usize),
    /// It is no body in chunks.
    Broken,
}

impl ChunkedBody {
    /// Looks at what comes next.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            if matches!(self.state, ChunkState::Data) {
                let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += len;
                self.size -= len as u64;
                if self.size == 0 {
                    self.state = ChunkState::DataEnd;
                }
                continue;
            }
            at += 1;
            match self.advance_byte(byte) {
                Found::More => {}
                Found::End(_) => return Found::End(at),
                Found::Broken => return Found::Broken,
            }
        }
        Found::More
    }

    /// One byte outside of a chunk's data.
    fn advance_byte(&mut self, byte: u8) -> Found {
        match (self.state, byte) {
            (ChunkState::Trailer, b'\n') if self.size == 0 => return Found::End(0),
            (ChunkState::Trailer, b'\n') => self.size = 0,
            (ChunkState::Size | ChunkState::Extension, b'\n') => {
                self.state = if self.size == 0 { ChunkState::Trailer } else { ChunkState::Data };
            }
            (_, b'\r') | (ChunkState::Extension | ChunkState::Data, _) => {}
            (ChunkState::Trailer, _) => self.size = self.size.saturating_add(1),
            (ChunkState::Size, byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                match self.size.checked_mul(16) {
                    Some(size) => self.size = size + digit,
                    None => return Found::Broken,
                }
            }
            (ChunkState::Size, b';' | b' ' | b'\t') => self.state = ChunkState::Extension,
            (ChunkState::DataEnd, b'\n') => *self = Self::default(),
            (ChunkState::Size | ChunkState::DataEnd, _) => return Found::Broken,
        }
        Found::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_with_its_trailer_wherever_it_is_cut() {
        let body = b"3\r\nGET\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
        for cut in 0..body.len() {
            let mut chunks = ChunkedBody::default();
            let (first, rest) = body.split_at(cut);
            assert_eq!(chunks.advance(first), Found::More, "{cut}");
            let rest = [rest, b"GET / HTTP/1.1"].concat();
            assert_eq!(chunks.advance(&rest), Found::End(body.len() - cut), "{cut}");
        }
    }

    #[test]
    fn what_is_none_is_said_to_be_none() {
        for body in ["zz\r\n", "3\r\nGETx", "11111111111111111\r\n"] {
            assert_eq!(ChunkedBody::default().advance(body.as_bytes()), Found::Broken, "{body}");
        }
    }
}
