//! Rewrites nodes' addresses in the event stream, line by line.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use nomad_frames::Limits;
use pin_project::pin_project;
use thiserror::Error;

use super::{AdvertisedAddress, json};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A line of events is longer than any that Nomad writes; it is not passed on with an address that should not be seen.
#[derive(Debug, Error)]
#[error("a line of the event stream is longer than {0} bytes")]
struct LineTooLong(usize);

/// The event stream with other addresses of nodes.
#[pin_project]
pub struct EventsBody<R> {
    #[pin]
    inner: R,
    shown: AdvertisedAddress,
    /// The beginning of a line whose end has not come.
    begun: BytesMut,
    is_over: bool,
}

impl<R> EventsBody<R> {
    pub(super) fn new(inner: R, shown: AdvertisedAddress) -> Self {
        Self { inner, shown, begun: BytesMut::new(), is_over: false }
    }
}

impl<R> fmt::Debug for EventsBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsBody").finish_non_exhaustive()
    }
}

/// The whole lines that are there now; what is begun waits.
fn complete_lines(begun: &mut BytesMut, chunk: &Bytes, shown: &AdvertisedAddress) -> Bytes {
    let Some(end) = memchr::memrchr(b'\n', chunk) else {
        begun.extend_from_slice(chunk);
        return Bytes::new();
    };
    let whole = if begun.is_empty() {
        chunk.slice(..=end)
    } else {
        begun.extend_from_slice(chunk.get(..=end).unwrap_or_default());
        begun.split().freeze()
    };
    begun.extend_from_slice(chunk.get(end + 1..).unwrap_or_default());
    rewrite_lines(whole, shown)
}

/// One line after the other; usually there is one, and it stays as it is.
fn rewrite_lines(whole: Bytes, shown: &AdvertisedAddress) -> Bytes {
    if memchr::memchr(b'\n', &whole).is_none_or(|end| end + 1 == whole.len()) {
        return json::replace_address_in_events(whole, shown);
    }
    let mut out = BytesMut::with_capacity(whole.len());
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', &whole) {
        out.extend_from_slice(&json::replace_address_in_events(whole.slice(from..=end), shown));
        from = end + 1;
    }
    out.freeze()
}

impl<R> Body for EventsBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        loop {
            if *this.is_over {
                return Poll::Ready(None);
            }
            let Some(frame) = ready!(this.inner.as_mut().poll_frame(cx)) else {
                *this.is_over = true;
                let rest = rewrite_lines(this.begun.split().freeze(), this.shown);
                return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
            };
            let Ok(chunk) = frame.map_err(Into::into)?.into_data() else { continue };
            let whole = complete_lines(this.begun, &chunk, this.shown);
            let most = Limits::events().max_frame;
            if this.begun.len() > most {
                *this.is_over = true;
                return Poll::Ready(Some(Err(LineTooLong(most).into())));
            }
            if !whole.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(whole))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.begun.is_empty() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    async fn read(chunks: Vec<Bytes>) -> (usize, String) {
        let chunks = chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(Frame::data(chunk)));
        let inner = StreamBody::new(stream::iter(chunks));
        let mut body =
            Box::pin(EventsBody::new(inner, AdvertisedAddress::with_plain_http("gateway:4646")));
        let (mut frames, mut text) = (0, String::new());
        while let Some(frame) = body.frame().await {
            frames += 1;
            text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
        (frames, text)
    }

    #[tokio::test]
    async fn lines_are_rewritten_however_they_are_cut() {
        let event = |address: &str| {
            let node = format!(r#"{{"HTTPAddr":"{address}"}}"#);
            format!(r#"{{"Index":1,"Events":[{{"Topic":"Node","Payload":{{"Node":{node}}}}}]}}"#)
        };
        let stream = format!("{{}}\n{}\n{{}}\n{}", event("10.0.0.9:4646"), event("10.0.0.8:1"));
        let expected = format!("{{}}\n{}\n{{}}\n{}", event("gateway:4646"), event("gateway:4646"));
        for size in 1..stream.len() {
            let chunks = stream.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            assert_eq!(read(chunks).await.1, expected, "{size}");
        }
    }

    #[tokio::test]
    async fn a_line_goes_on_when_it_is_whole() {
        let chunks = ["{}\n", "{\"Index\"", ":1}\n", "{}\n{}\n"]
            .map(|text| Bytes::from_static(text.as_bytes()));
        assert_eq!(read(chunks.into()).await, (3, "{}\n{\"Index\":1}\n{}\n{}\n".into()));
    }
}
