//! Which calls pages of other sites may make: what Nomad wraps in `wrapCORS` (`command/agent/http.go`).

use http::Method;

/// What pages of every site may do with a call. Nomad has such rules for the calls below `/v1/client/` but `gc`, and for
/// variables; a page can neither read the answers of other calls nor their errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "pages may read, or change as well")]
pub enum CrossOrigin {
    /// Read.
    Read,
    /// Read, change and delete.
    Write,
}

impl CrossOrigin {
    /// The rules of a path as it is decoded ([`Route::decoded_path`](crate::Route::decoded_path)); none if it has none.
    ///
    /// ```
    /// use nomad_wire::CrossOrigin;
    ///
    /// assert_eq!(CrossOrigin::for_path("/v1/client/stats"), Some(CrossOrigin::Read));
    /// assert_eq!(CrossOrigin::for_path("/v1/client/gc"), None);
    /// ```
    #[must_use]
    pub fn for_path(path: &str) -> Option<Self> {
        let call = path.strip_prefix("/v1/")?;
        match call.strip_prefix("client/") {
            Some("stats" | "metadata" | "identity" | "identity/renew") => Some(Self::Read),
            Some(call) if call.starts_with("fs/") || call.starts_with("allocation/") => {
                Some(Self::Read)
            }
            Some(_) => None,
            None if call == "vars" => Some(Self::Read),
            None => call.starts_with("var/").then_some(Self::Write),
        }
    }

    /// Whether a page may use this method. A question about the rules is always allowed.
    #[must_use]
    pub fn allows(self, method: &Method) -> bool {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => true,
            Method::PUT | Method::DELETE => self == Self::Write,
            _ => false,
        }
    }
}
