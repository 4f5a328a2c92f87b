//! Identifiers that cannot be malformed once they exist.
//!
//! Nomad's state store indexes nodes, allocations and servers by UUID. Its index wants exactly 36 characters, at most
//! four hyphens wherever they stand, and an even number of hexadecimal digits; each failure has a text of its own that
//! reaches the caller. [`NodeId`], [`AllocId`] and [`ServerId`] accept what can name something and keep the text as it
//! was written, because a client agent compares ids letter by letter while the servers do not.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Why Nomad's UUID index refuses a text (`go-memdb`, `UUIDFieldIndex`).
///
/// `Display` is the index's own text, without the `… lookup failed: index error: ` that stands before it on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 36 bytes long.
    #[error("UUID must be 36 characters")]
    Length,
    /// More than four hyphens.
    #[error("UUID should have maximum of 4 \"-\"; got {0}")]
    Hyphens(usize),
    /// An odd number of characters beside the hyphens.
    #[error("Input (without hyphens) must be even length")]
    OddLength,
    /// A character that is no hexadecimal digit.
    #[error("Invalid UUID: encoding/hex: invalid byte: {}", go_rune(*.0))]
    NotHex(u8),
    /// The index accepts it, but it has more than 16 bytes, so that nothing can ever carry it as its id.
    #[error("no id has this many digits")]
    TooManyDigits,
}

/// Go's `%#U` of one byte: `U+0067 'g'`, without the quoted part when it cannot be printed.
fn go_rune(byte: u8) -> String {
    let rune = char::from(byte);
    if rune.is_control() || byte == 0xad {
        format!("U+{byte:04X}")
    } else {
        format!("U+{byte:04X} '{rune}'")
    }
}

const TEXT_LEN: usize = 36;
const BYTE_LEN: usize = 16;

/// A well-formed UUID: the 16 bytes that decide equality, and the 36 characters as they were written.
#[derive(Clone, Copy)]
struct Uuid {
    bytes: [u8; BYTE_LEN],
    text: [u8; TEXT_LEN],
}

impl Uuid {
    fn parse(written: &str) -> Result<Self, IdError> {
        let text: [u8; TEXT_LEN] = written.as_bytes().try_into().map_err(|_| IdError::Length)?;
        let hyphens = text.iter().filter(|byte| **byte == b'-').count();
        if hyphens > 4 {
            return Err(IdError::Hyphens(hyphens));
        }
        if !(TEXT_LEN - hyphens).is_multiple_of(2) {
            return Err(IdError::OddLength);
        }
        let mut bytes = [0; BYTE_LEN];
        for (index, byte) in text.iter().filter(|byte| **byte != b'-').enumerate() {
            let digit = char::from(*byte).to_digit(16).ok_or(IdError::NotHex(*byte))?;
            if let Some(slot) = bytes.get_mut(index / 2) {
                // A hexadecimal digit is below 16, so nothing is cut off.
                *slot = (*slot << 4) | digit as u8;
            }
        }
        if hyphens != 4 {
            return Err(IdError::TooManyDigits);
        }
        Ok(Self { bytes, text })
    }

    fn as_str(&self) -> &str {
        // Every byte was a hyphen or a hexadecimal digit.
        str::from_utf8(&self.text).unwrap_or_default()
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Equality and hash look at the 16 bytes; [`as_str`](Self::as_str) gives the text as it was written.
        #[derive(Clone, Copy)]
        pub struct $name(Uuid);

        impl $name {
            /// The 36 characters, as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The 16 bytes that two spellings of one id share.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0.bytes
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(written: &str) -> Result<Self, IdError> {
                Uuid::parse(written).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.bytes == other.0.bytes
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.0.bytes.hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.bytes.cmp(&other.0.bytes)
            }
        }
    };
}

id! {
    /// The id of a node: a client agent as the servers know it.
    NodeId
}
id! {
    /// The id of an allocation.
    AllocId
}
id! {
    /// The id of a server agent: the `id` tag of its gossip member.
    ServerId
}

/// An id as a caller wrote it: well-formed, or the text together with the reason why it names nothing.
///
/// Nomad complains about a malformed id late, after it has looked at the other parameters; so a route carries the id
/// as it was written, and whoever needs the id asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an id is well-formed or not; there is no third way")]
pub enum IdParam<I> {
    /// It can name something.
    Valid(I),
    /// It cannot.
    Malformed {
        /// The text as written; may be empty.
        text: Box<str>,
        /// What the index says of it.
        reason: IdError,
    },
}

impl<I: FromStr<Err = IdError>> From<&str> for IdParam<I> {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(id) => Self::Valid(id),
            Err(reason) => Self::Malformed { text: text.into(), reason },
        }
    }
}

impl<I: fmt::Display> fmt::Display for IdParam<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(id) => id.fmt(f),
            Self::Malformed { text, .. } => f.write_str(text),
        }
    }
}

impl<I> IdParam<I> {
    /// The id.
    ///
    /// # Errors
    /// The reason why there is none.
    pub const fn id(&self) -> Result<&I, &IdError> {
        match self {
            Self::Valid(id) => Ok(id),
            Self::Malformed { reason, .. } => Err(reason),
        }
    }

    /// Nothing was written at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Malformed { text, .. } if text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<NodeId>().unwrap_err().to_string()
    }

    #[test]
    fn the_index_refuses_with_its_own_texts() {
        assert_eq!(refused("9bb118cc"), "UUID must be 36 characters");
        assert_eq!(
            refused("9bb118cc-7630-ebf4-b8b8-c11ee-884786"),
            "UUID should have maximum of 4 \"-\"; got 5"
        );
        assert_eq!(
            refused("9bb118cc07630-ebf4-b8b8-c11ee8847863"),
            "Input (without hyphens) must be even length"
        );
        assert_eq!(
            refused("gbb118cc-7630-ebf4-b8b8-c11ee8847863"),
            "Invalid UUID: encoding/hex: invalid byte: U+0067 'g'"
        );
        assert_eq!(refused("9bb118cc07630-ebf40b8b8-c11ee8847863"), "no id has this many digits");
    }

    #[test]
    fn two_spellings_are_one_id_and_each_keeps_its_text() {
        let lower: AllocId = "13651909-dd6d-35ce-5da0-5004769668b3".parse().unwrap();
        let upper: AllocId = "13651909-DD6D-35CE-5DA0-5004769668B3".parse().unwrap();
        assert_eq!(lower, upper);
        assert_eq!(upper.as_str(), "13651909-DD6D-35CE-5DA0-5004769668B3");
    }

    #[test]
    fn what_was_written_is_printed_back() {
        for text in ["", "short", "13651909-dd6d-35ce-5da0-5004769668b3"] {
            assert_eq!(IdParam::<AllocId>::from(text).to_string(), text);
        }
        assert!(IdParam::<AllocId>::from("").is_empty());
    }
}
