//! Makes a request: collects its options, sends it, and waits for its one reply.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buslane_protocol::{Address, Deadline, Destination, ErrorCode, HeadersBuf, Instant, Problem, Targets};
use buslane_session::{RequestKey, RequestOptions, SessionError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::error::own_problem;
use crate::inbox::Inbox;
use crate::shared::{HIGH_WATER, State};
use crate::waiters::{Arrival, Awaited, Caller, Then};
use crate::{Body, Client, Gather, Pending, Reply, ReplyStream, RequestError};

/// A request about to be made, see [`Client::call`].
///
/// ```no_run
/// # async fn look_up(bus: buslane_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// let reply = bus
///     .call("attic:get")
///     .timeout(Duration::from_secs(1))
///     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
///     .send(&serde_json::json!({"app": "demo", "key": "colour"}))
///     .await?;
/// println!("{} says {}", reply.from(), reply.payload());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    outbound: Outbound,
}

/// What a request may be addressed to: one address or several, as text.
pub trait IntoTargets {
    /// Parses the addresses.
    fn into_targets(self) -> Result<Targets<'static>, RequestError>;
}

/// A request with one reply, read as a `T`. Sent when first polled; cancelled on the bus when dropped.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct Request<T> {
    stage: Stage,
    read: Read<T>,
}

/// Makes of a reply what the caller asked for.
pub(crate) type Read<T> = fn(Reply) -> Result<T, RequestError>;

/// A request that is not sent yet.
#[derive(Debug)]
pub(crate) struct Outbound {
    client: Client,
    targets: Option<Targets<'static>>,
    body: Body,
    headers: HeadersBuf,
    deadline: Deadline,
    stream: bool,
    credit: u32,
    /// The first thing that was wrong.
    refused: Option<RequestError>,
}

/// A request that is sent; cancelled when dropped before it has ended.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) client: Client,
    pub(crate) key: RequestKey,
    pub(crate) ended: bool,
}

/// A request that is sent, and what comes of it.
pub(crate) type Opened = (Sent, Arc<Inbox<Arrival>>);

#[derive(Debug)]
enum Stage {
    Unsent(Box<Outbound>),
    Waiting(Sent, Awaited<Reply>),
    Done,
}

impl Call {
    pub(crate) fn new(client: Client, targets: impl IntoTargets) -> Call {
        let deadline = client
            .shared()
            .settings
            .request_timeout
            .map_or(Deadline::Default, deadline);
        let (targets, refused) = match targets.into_targets() {
            Ok(targets) => (Some(targets), None),
            Err(error) => (None, Some(error)),
        };
        let (body, headers) = (Body::none(), HeadersBuf::new());
        let outbound = Outbound {
            client,
            targets,
            body,
            headers,
            deadline,
            stream: false,
            credit: 0,
            refused,
        };
        Call { outbound }
    }

    /// Sets when the request ends at the latest. For a stream: when its first part comes at the latest, and then each
    /// further one. At most an hour by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outbound.set_timeout(timeout);
        self
    }

    /// Lets a stream take any time; for streams only.
    pub fn without_timeout(mut self) -> Self {
        self.outbound.deadline = Deadline::Never;
        self
    }

    /// Adds a header. Names are lower case; those that begin with `:` are members of the envelope.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.outbound.add_header(name, value);
        self
    }

    /// Sets how many parts of a stream may be on their way before the program has taken any, 1 to 65,535. Default: 64.
    pub fn credit(mut self, credit: u16) -> Self {
        self.outbound.credit = u32::from(credit.max(1));
        self
    }

    /// Sends the input, and reads the reply as a `T`.
    pub fn request<T: DeserializeOwned>(self, input: &(impl Serialize + ?Sized)) -> Request<T> {
        Request::new(self.with(Body::json(input)), read_json)
    }

    /// Sends the input, and returns the whole reply.
    pub fn send(self, input: &(impl Serialize + ?Sized)) -> Request<Reply> {
        Request::new(self.with(Body::json(input)), Ok)
    }

    /// Sends a body of any kind, and returns the whole reply.
    pub fn send_body(self, body: Body) -> Request<Reply> {
        Request::new(self.with(Ok(body)), Ok)
    }

    /// Sends a body at once and has `then` called with the reply, or with why there is none: for threads without a
    /// runtime and for callbacks of other languages.
    ///
    /// `then` is called once, where the connection lives and under no lock, so it must not block; not at all if
    /// [`Pending::cancel`] says so. While much is on its way, or where something is wrong with the request itself, it
    /// is refused here, and `then` is dropped.
    pub fn body_then(
        self,
        body: Body,
        then: impl FnOnce(Result<Reply, RequestError>) + Send + 'static,
    ) -> Result<Pending, RequestError> {
        let request = Request::<Reply>::new(self.with(Ok(body)), Ok);
        match request.stage {
            Stage::Unsent(outbound) => {
                outbound.send_then(Box::new(|outcome| then(outcome.map_err(RequestError::from))))
            }
            Stage::Waiting(..) | Stage::Done => unreachable!("a new request is not sent yet"),
        }
    }

    /// Sends the input, and reads each part of the stream as a `T`.
    pub fn request_stream<T: DeserializeOwned>(self, input: &(impl Serialize + ?Sized)) -> ReplyStream<T> {
        ReplyStream::new(self.with(Body::json(input)), read_json)
    }

    /// Sends a body of any kind, and yields each part of the stream whole.
    pub fn stream_body(self, body: Body) -> ReplyStream<Reply> {
        ReplyStream::new(self.with(Ok(body)), Ok)
    }

    /// Sends the input to every target, and reads each reply as a `T`.
    pub fn gather<T: DeserializeOwned>(self, input: &(impl Serialize + ?Sized)) -> Gather<T> {
        Gather::new(self.with(Body::json(input)), read_json)
    }

    /// Sends a body of any kind to every target, and yields each reply whole.
    pub fn gather_body(self, body: Body) -> Gather<Reply> {
        Gather::new(self.with(Ok(body)), Ok)
    }

    fn with(mut self, body: serde_json::Result<Body>) -> Outbound {
        match body.and_then(Body::checked) {
            Ok(body) => {
                if let Err(error) = body.describe(&mut self.outbound.headers) {
                    self.outbound.refuse(own_problem(error.code(), error));
                }
                self.outbound.body = body;
            }
            Err(error) => self
                .outbound
                .refuse(own_problem(ErrorCode::InvalidPayload, error)),
        }
        self.outbound
    }
}

impl<T> Request<T> {
    fn new(mut outbound: Outbound, read: Read<T>) -> Request<T> {
        if outbound.targets.as_ref().is_some_and(is_gathered) {
            let detail = "the address selects several instances; use `gather`";
            outbound.refuse(own_problem(ErrorCode::InvalidAddress, detail));
        }
        Request {
            stage: Stage::Unsent(Box::new(outbound)),
            read,
        }
    }

    /// Sets when the request ends at the latest. At most an hour by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let Stage::Unsent(outbound) = &mut self.stage {
            outbound.set_timeout(timeout);
        }
        self
    }

    /// Adds a header. Names are lower case; those that begin with `:` are members of the envelope.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Stage::Unsent(outbound) = &mut self.stage {
            outbound.add_header(name, value);
        }
        self
    }
}

impl<T> Future for Request<T> {
    type Output = Result<T, RequestError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let request = self.get_mut();
        loop {
            match &mut request.stage {
                Stage::Unsent(outbound) => {
                    let (waiter, reply) = oneshot::channel();
                    match ready!(outbound.poll_send(context, || Caller::One(waiter))) {
                        Ok(sent) => request.stage = Stage::Waiting(sent, reply),
                        Err(error) => {
                            request.stage = Stage::Done;
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                Stage::Waiting(sent, reply) => {
                    let closed = |_| Err(own_problem(ErrorCode::Closed, "the client has ended"));
                    let outcome = ready!(Pin::new(reply).poll(context)).unwrap_or_else(closed);
                    sent.ended = true;
                    request.stage = Stage::Done;
                    return Poll::Ready(outcome.map_err(RequestError::from).and_then(request.read));
                }
                Stage::Done => return Poll::Pending,
            }
        }
    }
}

impl Outbound {
    /// Sends the request when there is room for it. `caller` makes whoever receives what comes of it.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        caller: impl FnOnce() -> Caller,
    ) -> Poll<Result<Sent, RequestError>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        let Some(targets) = self.targets.clone() else {
            return Poll::Pending;
        };
        let key = self.client.shared().act(|state, now| {
            ready!(state.poll_room(context));
            Poll::Ready(self.submit(state, now, targets, caller))
        });
        let key = ready!(key).map_err(|error| RequestError::from(error.problem()))?;
        Poll::Ready(Ok(Sent {
            client: self.client.clone(),
            key,
            ended: false,
        }))
    }

    /// Sends the request now or not at all.
    fn send_then(mut self, then: Then) -> Result<Pending, RequestError> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        let targets = self.targets.take().expect("only what is refused has none");
        let shared = self.client.shared();
        let key = shared.act(|state, now| {
            if state.is_crowded() {
                let detail = format!("{HIGH_WATER} bytes wait to be sent already; request less often");
                return Err(own_problem(ErrorCode::QueueFull, detail));
            }
            let key = self.submit(state, now, targets, || Caller::Then(then));
            key.map_err(|error| Box::new(error.problem()))
        })?;
        Ok(Pending::new(shared, key))
    }

    fn submit(
        &self,
        state: &mut State,
        now: Instant,
        targets: Targets<'static>,
        caller: impl FnOnce() -> Caller,
    ) -> Result<RequestKey, SessionError> {
        let options = RequestOptions {
            headers: self.headers.headers(),
            deadline: self.deadline,
            stream: self.stream,
            credit: self.credit,
        };
        let key = state
            .session
            .request(now, targets, self.body.payload(), options)?;
        state.waiters.requests.insert(key, caller());
        Ok(key)
    }

    /// Sends the request when there is room for it, and collects whatever comes of it.
    pub(crate) fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<Opened, RequestError>> {
        let inbox = Arc::new(Inbox::new());
        let sent = ready!(self.poll_send(context, || Caller::Many(inbox.clone())))?;
        Poll::Ready(Ok((sent, inbox)))
    }

    /// Sets when the request ends at the latest.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.deadline = deadline(timeout);
    }

    /// Asks for the answer in chunks, and returns how many may be on their way.
    pub(crate) fn ask_for_stream(&mut self) -> u32 {
        self.stream = true;
        if self.credit == 0 {
            self.credit = USUAL_CREDIT;
        }
        self.credit
    }

    fn add_header(&mut self, name: &str, value: &str) {
        if let Err(error) = self.headers.push(name, value) {
            self.refuse(own_problem(error.code(), error));
        }
    }

    fn refuse(&mut self, problem: Box<Problem>) {
        self.refused.get_or_insert(problem.into());
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.client.shared().act(|state, _| {
            // One that has ended meanwhile is not known any more, and has nothing to cancel.
            if state.waiters.requests.remove(&self.key).is_some() {
                state.session.cancel(self.key);
            }
        });
    }
}

impl IntoTargets for &str {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        parse(self).map(Targets::One)
    }
}

impl IntoTargets for &String {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        self.as_str().into_targets()
    }
}

impl IntoTargets for String {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        self.as_str().into_targets()
    }
}

impl<S: AsRef<str>> IntoTargets for &[S] {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        match self {
            [one] => one.as_ref().into_targets(),
            several if (2..=Targets::MAX).contains(&several.len()) => Ok(Targets::Several(
                several
                    .iter()
                    .map(|address| parse(address.as_ref()))
                    .collect::<Result<_, _>>()?,
            )),
            _ => {
                let detail = format!(
                    "a request goes to 1 to {} addresses, not to {}",
                    Targets::MAX,
                    self.len()
                );
                Err(own_problem(ErrorCode::InvalidAddress, detail).into())
            }
        }
    }
}

impl<S: AsRef<str>, const N: usize> IntoTargets for [S; N] {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        self.as_slice().into_targets()
    }
}

impl<S: AsRef<str>> IntoTargets for Vec<S> {
    fn into_targets(self) -> Result<Targets<'static>, RequestError> {
        self.as_slice().into_targets()
    }
}

fn parse(address: &str) -> Result<Address<'static>, RequestError> {
    let refused = |error| own_problem(ErrorCode::InvalidAddress, format!("{address:?}: {error}")).into();
    Address::parse(address.to_owned()).map_err(refused)
}

fn is_gathered(targets: &Targets<'_>) -> bool {
    match targets {
        Targets::One(address) => matches!(address.destination(), Destination::Group(_) | Destination::Every),
        Targets::Several(_) => true,
    }
}

fn read_json<T: DeserializeOwned>(reply: Reply) -> Result<T, RequestError> {
    reply.json().map_err(RequestError::unexpected)
}

/// Turns a duration into whole milliseconds, at least 1.
fn deadline(timeout: Duration) -> Deadline {
    Deadline::After(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1))
}

/// Chunks that may be on their way before any is taken: enough to fill a round trip, few enough to be held.
const USUAL_CREDIT: u32 = 64;
