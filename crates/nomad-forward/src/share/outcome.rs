//! What a shared request comes to.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Response, header::CONTENT_LENGTH, response::Parts};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;

use super::{SharedBody, Shares, body::Kept, flight::Gate, shares::Purse};
use crate::Error;

/// A request on its way.
pub(super) type Work<R> = Pin<Box<dyn Future<Output = Outcome<R>> + Send>>;

/// What a request came to. Cheap to clone: everybody who waits gets one.
pub(super) enum Outcome<R: Body> {
    /// The answer, for all of them.
    Whole(Arc<Whole>),
    /// The answer, for one of them.
    Apart(Arc<Apart<R>>),
    /// There is none.
    Failed(Arc<Error>),
}

impl<R: Body> Clone for Outcome<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Whole(whole) => Self::Whole(Arc::clone(whole)),
            Self::Apart(apart) => Self::Apart(Arc::clone(apart)),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
        }
    }
}

/// A whole answer.
pub(super) struct Whole {
    head: Parts,
    body: Arc<Kept>,
}

impl Whole {
    pub(super) fn response<R: Body>(&self) -> Response<SharedBody<R>> {
        Response::from_parts(self.head.clone(), SharedBody::whole(Arc::clone(&self.body)))
    }
}

/// An answer that only one can have, taken or not.
pub(super) struct Apart<R: Body>(Mutex<Option<Response<SharedBody<R>>>>);

impl<R: Body> Apart<R> {
    pub(super) fn take(&self) -> Option<Response<SharedBody<R>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Waits for the head, then closes the gate; reads the body when several wait for it.
pub(super) async fn of<R, F>(answer: F, gate: Gate<R>, shares: Shares) -> Outcome<R>
where
    F: Future<Output = Result<Response<R>, Error>>,
    R: Body<Data = Bytes> + Unpin,
{
    let answer = answer.await;
    let waiting = gate.close();
    match answer {
        Err(error) => Outcome::Failed(Arc::new(error)),
        Ok(response) if waiting <= 1 => apart(response.map(SharedBody::own)),
        Ok(response) => gathered(response, Purse::new(shares)).await,
    }
}

fn apart<R: Body>(response: Response<SharedBody<R>>) -> Outcome<R> {
    Outcome::Apart(Arc::new(Apart(Mutex::new(Some(response)))))
}

/// The whole answer, unless it is too large or breaks off: then what was read of it and the rest are for one.
async fn gathered<R>(response: Response<R>, mut purse: Purse) -> Outcome<R>
where
    R: Body<Data = Bytes> + Unpin,
{
    let told = response.headers().get(CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse().ok());
    if told.is_some_and(|length: usize| !purse.has_room(length)) {
        return apart(response.map(SharedBody::own));
    }
    let (head, mut body) = response.into_parts();
    let mut chunks = Vec::new();
    let last = loop {
        let Some(frame) = body.frame().await else { break None };
        // Trailers, of which Nomad has none, are for one as well.
        let data = frame.as_ref().ok().and_then(Frame::data_ref);
        match data {
            Some(data) if purse.take(data.len()) => chunks.push(data.clone()),
            _ => break Some(frame),
        }
    };
    match last {
        None => {
            let body = Arc::new(Kept::new(chunks, purse));
            Outcome::Whole(Arc::new(Whole { head, body }))
        }
        Some(last) => {
            let mut read: VecDeque<_> =
                chunks.into_iter().map(|chunk| Ok(Frame::data(chunk))).collect();
            read.push_back(last);
            apart(Response::from_parts(head, SharedBody::begun(read, body)))
        }
    }
}
