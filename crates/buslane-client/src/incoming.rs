//! A request that came in and may be answered later, from any thread.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use buslane_protocol::{ErrorCode, Headers, HeadersBuf, Payload, Problem};
use buslane_session::{AnswerError, SessionError};

use crate::context::Call;
use crate::{Body, Context, ServiceError};

/// A request that came in, to be answered once: now or later, from whatever thread.
///
/// Answering never waits. Dropped without an answer, it is answered with an error, so that its caller does not wait
/// until the deadline.
///
/// ```no_run
/// # async fn offer(bus: buslane_client::Client) -> Result<(), buslane_client::RegisterError> {
/// use buslane_client::Body;
/// let (work, requests) = std::sync::mpsc::channel::<buslane_client::Incoming>();
/// std::thread::spawn(move || {
///     for request in requests {
///         let answer = format!("{:?} is done", request.context().payload().to_string());
///         // Whoever asked may be gone by now.
///         let _ = request.reply(&Body::json_text(answer));
///     }
/// });
/// let later = move |request| work.send(request).unwrap_or_default();
/// bus.service("worker", "1.0.0").deferred_method("work", later).register().await?;
/// # Ok(()) }
/// ```
pub struct Incoming {
    context: Context,
    /// Absent once it is answered.
    call: Option<Arc<Call>>,
}

impl Incoming {
    pub(crate) fn new(context: Context, call: Arc<Call>) -> Incoming {
        Incoming {
            context,
            call: Some(call),
        }
    }

    /// Returns what the request carries, and whether anybody still waits.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Answers with a reply. If the body cannot be sent, the caller gets that as an error, too.
    pub fn reply(mut self, body: &Body) -> Result<(), AnswerError> {
        let Some(call) = self.call.take() else {
            return Err(AnswerError::NotAwaited);
        };
        let replied = call.send_reply(body);
        if let Err(AnswerError::Unsendable(error)) = &replied {
            call.send_failure(error.problem())?;
        }
        replied
    }

    /// Answers with an error.
    pub fn fail(mut self, error: impl Into<ServiceError>) -> Result<(), AnswerError> {
        match self.call.take() {
            Some(call) => call.send_failure(error.into().into()),
            None => Err(AnswerError::NotAwaited),
        }
    }

    /// Sends one part of a stream. [`AnswerError::NoCredit`] says that the caller takes no more for now: try again
    /// after [`Incoming::credit`].
    pub fn chunk(&self, body: &Body) -> Result<(), AnswerError> {
        match &self.call {
            Some(call) => call.send_part(Some(body), false),
            None => Err(AnswerError::NotAwaited),
        }
    }

    /// Returns a future that is done when the caller takes more parts of a stream. It counts from this call on, not from
    /// when it is first polled: make it before the attempt that may find no credit, and await it after.
    pub fn credit(&self) -> impl Future<Output = ()> + Send + '_ {
        let credit = self.call.as_ref().map(|call| call.credit.notified());
        async move {
            if let Some(credit) = credit {
                credit.await;
            }
        }
    }

    /// Ends a stream.
    pub fn end(mut self) -> Result<(), AnswerError> {
        match self.call.take() {
            Some(call) => call.send_part(None, true),
            None => Err(AnswerError::NotAwaited),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            // Nobody may wait any more, and then there is nobody to tell.
            let _ = call.send_failure(unanswered());
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Incoming")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Call {
    fn send_reply(&self, body: &Body) -> Result<(), AnswerError> {
        let (headers, payload) = sendable(body)?;
        self.shared.act(|state, _| {
            state.session.reply(self.token, headers.headers(), payload)?;
            state.waiters.finish(self.token);
            Ok(())
        })
    }

    fn send_failure(&self, problem: Problem) -> Result<(), AnswerError> {
        self.shared.act(|state, _| {
            state.waiters.finish(self.token);
            state.session.fail(self.token, problem)
        })
    }

    fn send_part(&self, body: Option<&Body>, last: bool) -> Result<(), AnswerError> {
        let (headers, payload) = match body {
            Some(body) => sendable(body)?,
            None => (HeadersBuf::new(), Payload::default()),
        };
        let send = |headers: Headers<'_>| {
            self.shared.act(|state, now| {
                state.session.chunk(now, self.token, headers, payload, last)?;
                if last {
                    state.waiters.finish(self.token);
                }
                Ok(())
            })
        };
        send(headers.headers())
    }
}

/// Checks a body, and returns it in the shape that the session takes.
fn sendable(body: &Body) -> Result<(HeadersBuf, Payload<'_>), SessionError> {
    let mut headers = HeadersBuf::new();
    body.describe(&mut headers)?;
    let mut payload = body.payload();
    payload.ensure_json()?;
    Ok((headers, payload))
}

fn unanswered() -> Problem {
    let code = ErrorCode::ServiceError;
    let problem = Problem::of_service(code.as_str(), code.title());
    Problem {
        status: code.status(),
        ..problem.detail("the service dropped the request without an answer")
    }
}
