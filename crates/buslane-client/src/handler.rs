//! Runs the handlers of methods: reads the input, runs the user's code in a task of its own unless it is deferred,
//! answers with what comes of it. A panic becomes an error reply; a withdrawn request drops the handler's future.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use buslane_protocol::{ErrorCode, Headers, HeadersBuf, Payload, Problem};
use buslane_session::AnswerError;
use futures_util::{FutureExt, Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Call;
use crate::{Body, Context, Incoming, ServiceError};

/// Starts the work on a request; what takes time goes on in a task of its own.
pub(crate) type Handler = Arc<dyn Fn(Context, Arc<Call>) + Send + Sync>;

/// Makes the handler of a method with one reply.
pub(crate) fn unary<I, T, E, F, Fut>(handler: F) -> Handler
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize,
    E: Into<ServiceError>,
    F: FnOnce(I, Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
{
    raw(move |context: Context| async move {
        let input = read_input(&context)?;
        let output = handler(input, context).await.map_err(into_problem)?;
        write_output(&output)
    })
}

/// Makes the handler of a method with one reply that is a [`Body`].
pub(crate) fn bodied<E, F, Fut>(handler: F) -> Handler
where
    E: Into<ServiceError>,
    F: FnOnce(Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Body, E>> + Send,
{
    raw(move |context: Context| async move {
        let body = handler(context).await.map_err(into_problem)?;
        body.checked()
            .map_err(|error| of_service(ErrorCode::ServiceError, error))
    })
}

/// Makes the handler of a method that answers in a stream.
pub(crate) fn streaming<I, T, E, F, S>(handler: F) -> Handler
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize,
    E: Into<ServiceError>,
    F: FnOnce(I, Context) -> S + Clone + Send + Sync + 'static,
    S: Stream<Item = Result<T, E>> + Send,
{
    let handler = Arc::new(handler);
    Arc::new(move |context, call| {
        let handler = handler.clone();
        call.shared.handlers.clone().spawn(async move {
            let work = async {
                let input = read_input(&context)?;
                let handler = F::clone(&handler);
                let mut parts = pin!(handler(input, context));
                let write = |part: Result<T, E>| write_output(&part.map_err(into_problem)?);
                while let Some(body) = parts.next().await.map(write) {
                    call.send_chunk(&body?).await?;
                }
                Ok(())
            };
            match call.unless_withdrawn(AssertUnwindSafe(work).catch_unwind()).await {
                Some(Ok(Ok(()))) => call.end_stream().await,
                Some(Ok(Err(problem))) => call.answer(Err(problem)).await,
                Some(Err(_panic)) => call.answer(Err(panicked())).await,
                None => {}
            }
        });
    })
}

/// Makes the handler of a method that is answered later. It runs in the client's own task.
pub(crate) fn deferred(handler: impl Fn(Incoming) + Send + Sync + 'static) -> Handler {
    Arc::new(move |context, call| {
        let incoming = Incoming::new(context, call);
        // A panic drops the request, which answers it.
        let _ = catch_unwind(AssertUnwindSafe(|| handler(incoming)));
    })
}

fn raw<F, Fut>(handler: F) -> Handler
where
    F: FnOnce(Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Body, Box<Problem>>> + Send,
{
    let handler = Arc::new(handler);
    Arc::new(move |context, call| {
        let handler = handler.clone();
        call.shared.handlers.clone().spawn(async move {
            let work = async { F::clone(&handler)(context).await };
            match call.unless_withdrawn(AssertUnwindSafe(work).catch_unwind()).await {
                Some(Ok(outcome)) => call.answer(outcome).await,
                Some(Err(_panic)) => call.answer(Err(panicked())).await,
                None => {}
            }
        });
    })
}

impl Call {
    /// Answers with a reply or an error.
    async fn answer(&self, outcome: Result<Body, Box<Problem>>) {
        self.shared.room().await;
        self.shared.act(|state, _| {
            state.waiters.finish(self.token);
            let failure = match outcome {
                Ok(body) => match described(&body) {
                    Ok(headers) => match state.session.reply(self.token, headers.headers(), body.payload()) {
                        Err(AnswerError::Unsendable(error)) => Box::new(error.problem()),
                        _sent_or_not_awaited => return,
                    },
                    Err(problem) => problem,
                },
                Err(problem) => problem,
            };
            // What can be wrong now is that nobody waits any more, so that there is nobody to tell.
            let _ = state.session.fail(self.token, *failure);
        });
    }

    /// Sends one part of a stream, when the caller takes it.
    async fn send_chunk(&self, body: &Body) -> Result<(), Box<Problem>> {
        let headers = described(body)?;
        loop {
            let credit = self.credit.notified();
            self.shared.room().await;
            let sent = self.shared.act(|state, now| {
                state
                    .session
                    .chunk(now, self.token, headers.headers(), body.payload(), false)
            });
            match sent {
                Ok(()) => return Ok(()),
                Err(AnswerError::NoCredit) => credit.await,
                Err(AnswerError::NoStream) => return Err(stream_wanted()),
                Err(error) => return Err(Box::new(error.problem())),
            }
        }
    }

    /// Ends a stream.
    async fn end_stream(&self) {
        self.shared.room().await;
        self.shared.act(|state, now| {
            state.waiters.finish(self.token);
            let (headers, payload) = (Headers::default(), Payload::default());
            if let Err(AnswerError::NoStream) = state.session.chunk(now, self.token, headers, payload, true) {
                // As above: nobody waits any more, if anything is wrong now.
                let _ = state.session.fail(self.token, *stream_wanted());
            }
        });
    }
}

fn read_input<I: DeserializeOwned>(context: &Context) -> Result<I, Box<Problem>> {
    context
        .json()
        .map_err(|error| of_service(ErrorCode::InvalidPayload, error))
}

fn write_output(output: &impl Serialize) -> Result<Body, Box<Problem>> {
    Body::json(output).map_err(|error| of_service(ErrorCode::ServiceError, error))
}

fn described(body: &Body) -> Result<HeadersBuf, Box<Problem>> {
    let mut headers = HeadersBuf::new();
    match body.describe(&mut headers) {
        Ok(()) => Ok(headers),
        Err(error) => Err(of_service(ErrorCode::ServiceError, error)),
    }
}

fn into_problem(error: impl Into<ServiceError>) -> Box<Problem> {
    Box::new(error.into().into())
}

fn panicked() -> Box<Problem> {
    of_service(ErrorCode::ServiceError, "the handler panicked")
}

fn stream_wanted() -> Box<Problem> {
    of_service(
        ErrorCode::UnexpectedStream,
        "the method answers in a stream, and the request asks for none",
    )
}

/// Makes a service's problem that uses a word of the table.
fn of_service(code: ErrorCode, detail: impl std::fmt::Display) -> Box<Problem> {
    let problem = Problem::of_service(code.as_str(), code.title()).detail(detail);
    Box::new(Problem {
        status: code.status(),
        ..problem
    })
}
