//! The methods of a call.

use http::Method;

/// The methods that make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Nomad's handlers tell no more methods apart")]
pub enum Takes {
    /// Any method.
    Any,
    /// `GET`.
    Get,
    /// `PUT` or `POST`.
    Write,
    /// `POST`.
    Post,
}

impl Takes {
    /// Whether this method is one of them.
    #[must_use]
    pub fn is_taken(self, method: &Method) -> bool {
        match self {
            Self::Any => true,
            Self::Get => method == Method::GET,
            Self::Write => method == Method::PUT || method == Method::POST,
            Self::Post => method == Method::POST,
        }
    }
}

/// The method that Nomad's own client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Nomad's client sends no other one")]
pub enum Sends {
    /// `GET`
    Get,
    /// `PUT`
    Put,
    /// `POST`
    Post,
}

impl Sends {
    /// The method.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Put => Method::PUT,
            Self::Post => Method::POST,
        }
    }
}
