//! The outcome of a coalesced request.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Response, header::CONTENT_LENGTH, response::Parts};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;

use super::{
    CoalesceBody, CoalescedRequests, body::BufferedBody, coalesced_requests::ByteReservation,
    in_flight::EntryGuard,
};
use crate::Error;

/// A request on its way.
pub(super) type OutcomeFuture<R> = Pin<Box<dyn Future<Output = CoalesceOutcome<R>> + Send>>;

/// What a request came to. Cheap to clone: everybody who waits gets one.
pub(super) enum CoalesceOutcome<R: Body> {
    /// The answer, for all of them.
    Buffered(Arc<BufferedResponse>),
    /// The answer, for one of them.
    Exclusive(Arc<ExclusiveResponse<R>>),
    /// There is none.
    Failed(Arc<Error>),
}

impl<R: Body> Clone for CoalesceOutcome<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Buffered(whole) => Self::Buffered(Arc::clone(whole)),
            Self::Exclusive(apart) => Self::Exclusive(Arc::clone(apart)),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
        }
    }
}

/// A whole answer.
pub(super) struct BufferedResponse {
    head: Parts,
    body: Arc<BufferedBody>,
}

impl BufferedResponse {
    pub(super) fn response<R: Body>(&self) -> Response<CoalesceBody<R>> {
        Response::from_parts(self.head.clone(), CoalesceBody::buffered(Arc::clone(&self.body)))
    }
}

/// An answer that only one can have, taken or not.
pub(super) struct ExclusiveResponse<R: Body>(Mutex<Option<Response<CoalesceBody<R>>>>);

impl<R: Body> ExclusiveResponse<R> {
    pub(super) fn take(&self) -> Option<Response<CoalesceBody<R>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Waits for the head, then closes the gate; reads the body when several wait for it.
pub(super) async fn collect_outcome<R, F>(
    answer: F,
    gate: EntryGuard<R>,
    shares: CoalescedRequests,
) -> CoalesceOutcome<R>
where
    F: Future<Output = Result<Response<R>, Error>>,
    R: Body<Data = Bytes> + Unpin,
{
    let answer = answer.await;
    let waiting = gate.close();
    match answer {
        Err(error) => CoalesceOutcome::Failed(Arc::new(error)),
        Ok(response) if waiting <= 1 => exclusive(response.map(CoalesceBody::exclusive)),
        Ok(response) => buffer_body(response, ByteReservation::new(shares)).await,
    }
}

fn exclusive<R: Body>(response: Response<CoalesceBody<R>>) -> CoalesceOutcome<R> {
    CoalesceOutcome::Exclusive(Arc::new(ExclusiveResponse(Mutex::new(Some(response)))))
}

/// The whole answer, unless it is too large or breaks off: then what was read of it and the rest are for one.
async fn buffer_body<R>(response: Response<R>, mut purse: ByteReservation) -> CoalesceOutcome<R>
where
    R: Body<Data = Bytes> + Unpin,
{
    let told = response.headers().get(CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse().ok());
    if told.is_some_and(|length: usize| !purse.fits(length)) {
        return exclusive(response.map(CoalesceBody::exclusive));
    }
    let (head, mut body) = response.into_parts();
    let mut chunks = Vec::new();
    let last = loop {
        let Some(frame) = body.frame().await else { break None };
        // Trailers, of which Nomad has none, are for one as well.
        let data = frame.as_ref().ok().and_then(Frame::data_ref);
        match data {
            Some(data) if purse.try_reserve(data.len()) => chunks.push(data.clone()),
            _ => break Some(frame),
        }
    };
    match last {
        None => {
            let body = Arc::new(BufferedBody::new(chunks, purse));
            CoalesceOutcome::Buffered(Arc::new(BufferedResponse { head, body }))
        }
        Some(last) => {
            let mut read: VecDeque<_> =
                chunks.into_iter().map(|chunk| Ok(Frame::data(chunk))).collect();
            read.push_back(last);
            exclusive(Response::from_parts(head, CoalesceBody::partly_read(read, body)))
        }
    }
}
