//! What is said about a request whose body cannot be read: Nomad hands on the words of Go's `net/http`.

use std::{error::Error, io};

use nomad_wire::{AllocCall, Route};

/// It ended too early.
const BROKEN_OFF: &str = "unexpected EOF";

/// The text for a call whose body broke with this error.
pub(super) fn text(route: &Route, error: &(dyn Error + 'static)) -> String {
    let reason = reason(error);
    match route {
        Route::Allocation(AllocCall::Signal, _) => format!("Failed to decode body: {reason}"),
        Route::SetSchedulersConfig => format!("Invalid request: {reason}"),
        _ => reason.to_owned(),
    }
}

/// What Go says where hyper says this.
fn reason(error: &(dyn Error + 'static)) -> &'static str {
    match error.downcast_ref::<io::Error>() {
        Some(error) => said(error),
        None => error.source().map_or(BROKEN_OFF, reason),
    }
}

fn said(error: &io::Error) -> &'static str {
    let text = error.to_string().to_ascii_lowercase();
    if text.contains("overflow") {
        "http chunk length too large"
    } else if text.starts_with("invalid chunk size") {
        "invalid byte in chunk length"
    } else if text.starts_with("invalid chunk") || text.starts_with("invalid trailer") {
        "malformed chunked encoding"
    } else {
        BROKEN_OFF
    }
}
