//! Error texts for a request body that cannot be read: Nomad sends those of Go's `net/http`.

use std::{error::Error, io};

use nomad_wire::Route;

/// It ended too early.
const UNEXPECTED_EOF: &str = "unexpected EOF";

/// The text for a call whose body broke with this error.
pub(super) fn error_text(route: &Route, error: &(dyn Error + 'static)) -> String {
    format!("{}{}", route.spec().body_fault, reason(error))
}

/// What Go says where hyper says this.
fn reason(error: &(dyn Error + 'static)) -> &'static str {
    match error.downcast_ref::<io::Error>() {
        Some(error) => go_reason(error),
        None => error.source().map_or(UNEXPECTED_EOF, reason),
    }
}

fn go_reason(error: &io::Error) -> &'static str {
    let text = error.to_string().to_ascii_lowercase();
    if text.contains("overflow") {
        "http chunk length too large"
    } else if text.starts_with("invalid chunk size") {
        "invalid byte in chunk length"
    } else if text.starts_with("invalid chunk") || text.starts_with("invalid trailer") {
        "malformed chunked encoding"
    } else {
        UNEXPECTED_EOF
    }
}
