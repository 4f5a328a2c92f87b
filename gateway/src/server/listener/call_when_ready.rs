//! Calls a service only when it is ready.

use std::{
    future::poll_fn,
    mem,
    task::{Context, Poll, Waker},
};

use futures_util::future::Either;
use tower_service::Service;

/// Asks at once when the service is ready, as the gateway's own chain always is; waits for that otherwise.
pub(super) fn call_when_ready<S, Q>(
    service: &mut S,
    request: Q,
) -> Either<S::Future, impl Future<Output = Result<S::Response, S::Error>> + use<S, Q>>
where
    S: Service<Q> + Clone,
{
    if let Poll::Ready(Ok(())) = service.poll_ready(&mut Context::from_waker(Waker::noop())) {
        return Either::Left(service.call(request));
    }
    // What has begun to wait has its place in a queue already, so that it is the clone that stays.
    let clone = service.clone();
    let mut waiting = mem::replace(service, clone);
    Either::Right(async move {
        poll_fn(|cx| waiting.poll_ready(cx)).await?;
        waiting.call(request).await
    })
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::{Ready, ready},
        sync::Arc,
    };

    use futures_util::{FutureExt as _, future::join};
    use tokio::sync::{OwnedSemaphorePermit, Semaphore};
    use tokio_util::sync::PollSemaphore;

    use super::*;

    /// Is ready when it holds a permit, and must not be called without.
    struct LimitedService {
        permits: PollSemaphore,
        held: Option<OwnedSemaphorePermit>,
    }

    impl Clone for LimitedService {
        fn clone(&self) -> Self {
            Self { permits: self.permits.clone(), held: None }
        }
    }

    impl Service<u8> for LimitedService {
        type Response = (u8, OwnedSemaphorePermit);
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.held.is_none() {
                self.held = std::task::ready!(self.permits.poll_acquire(cx));
            }
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: u8) -> Self::Future {
            ready(Ok((request, self.held.take().expect("it was not polled ready"))))
        }
    }

    #[tokio::test]
    async fn a_service_that_is_not_ready_is_waited_for() {
        let permits = PollSemaphore::new(Arc::new(Semaphore::new(1)));
        let mut service = LimitedService { permits, held: None };
        let Ok((first, permit)) = call_when_ready(&mut service, 1).await;
        let mut second = Box::pin(call_when_ready(&mut service, 2));
        let mut third = Box::pin(call_when_ready(&mut service, 3));
        assert!(join(second.as_mut(), third.as_mut()).now_or_never().is_none());
        drop(permit);
        let Ok((second, permit)) = second.await;
        drop(permit);
        let Ok((third, _permit)) = third.await;
        assert_eq!([first, second, third], [1, 2, 3]);
    }
}
