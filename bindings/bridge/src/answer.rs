//! A request that came in, as another language holds it: answered once, now or later, from any thread, and harmless
//! when it is answered twice.

use std::pin::pin;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::task::Poll;

use buslane_client::{AnswerError, Context, ErrorCode, Incoming, ServiceError, blocking};

use crate::{Content, Failure};

/// A request that came in. Dropped without an answer, it is answered with an error.
#[derive(Debug)]
pub struct Request {
    context: Context,
    /// Absent once it is answered.
    incoming: RwLock<Option<Incoming>>,
}

impl Request {
    pub(crate) fn new(incoming: Incoming) -> Request {
        Request {
            context: incoming.context().clone(),
            incoming: RwLock::new(Some(incoming)),
        }
    }

    /// Returns what the request carries, and whether anybody still waits.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Answers with a reply. Fails if it was answered before, nobody waits any more or the content cannot be sent;
    /// in the last case the caller hears of it, too.
    pub fn reply(&self, content: Content<'_>) -> Result<(), Failure> {
        let body = content.body();
        let incoming = self.take()?;
        match body {
            Ok(body) => Ok(incoming.reply(&body)?),
            Err(failure) => {
                incoming.fail(ServiceError::failed(failure.message()))?;
                Err(failure)
            }
        }
    }

    /// Answers with the service's own error; `data` is JSON text, or empty. With data that is no JSON the caller has the
    /// error without it, and this fails with `invalid_payload`.
    pub fn fail(&self, code: &str, title: &str, data: &str) -> Result<(), Failure> {
        let error = ServiceError::new(code.to_owned(), title.to_owned());
        if data.is_empty() {
            return Ok(self.take()?.fail(error)?);
        }
        match serde_json::from_str::<serde_json::Value>(data) {
            Ok(data) => Ok(self.take()?.fail(error.data(&data))?),
            Err(reason) => {
                self.take()?.fail(error)?;
                Err(Failure::new(ErrorCode::InvalidPayload, format!("data: {reason}")))
            }
        }
    }

    /// Sends one part of a stream, and waits while the caller takes no more. Fails if nobody waits for it any more.
    pub fn chunk(&self, content: Content<'_>) -> Result<(), Failure> {
        let body = content.body()?;
        blocking::wait(self.context.client().room());
        let place = self.read();
        let incoming = place.as_ref().ok_or(AnswerError::NotAwaited)?;
        loop {
            let credit = incoming.credit();
            match incoming.chunk(&body) {
                Err(AnswerError::NoCredit) => self.wait_for_credit(credit)?,
                sent => return Ok(sent?),
            }
        }
    }

    /// Ends a stream.
    pub fn end(&self) -> Result<(), Failure> {
        Ok(self.take()?.end()?)
    }

    /// Waits until the caller takes more, or fails when it is gone.
    fn wait_for_credit(&self, credit: impl Future<Output = ()>) -> Result<(), Failure> {
        let (mut credit, mut cancelled) = (pin!(credit), pin!(self.context.cancelled()));
        let more = blocking::wait(std::future::poll_fn(|context| {
            if cancelled.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            credit.as_mut().poll(context).map(|()| true)
        }));
        if more {
            Ok(())
        } else {
            Err(AnswerError::NotAwaited.into())
        }
    }

    fn take(&self) -> Result<Incoming, AnswerError> {
        let mut place = self.incoming.write().unwrap_or_else(PoisonError::into_inner);
        place.take().ok_or(AnswerError::NotAwaited)
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Incoming>> {
        self.incoming.read().unwrap_or_else(PoisonError::into_inner)
    }
}
