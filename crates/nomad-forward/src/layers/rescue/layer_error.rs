//! Errors of layers that this crate does not know, such as tower's own.

use std::{error::Error, iter};

use http::{Response, StatusCode, header::RETRY_AFTER};
use nomad_wire::HttpError;
use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};

use super::error_response::RETRY_AFTER_SECONDS;

/// Says what kind of error it is. The error's own words may hold what a caller must not read; they go to the log.
pub(super) fn from_error<B: From<bytes::Bytes>>(error: &(dyn Error + 'static)) -> Response<B> {
    if is_caused_by::<Overloaded>(error) {
        let fault = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once");
        let mut response = fault.into_response();
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        return response;
    }
    if is_caused_by::<Elapsed>(error) || is_caused_by::<tokio::time::error::Elapsed>(error) {
        // It may have been carried out, so that nobody is asked to send it again.
        let text = "the request took too long";
        return HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    tracing::warn!(error, "a layer failed");
    HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "a layer of the gateway failed")
        .into_response()
}

fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}
