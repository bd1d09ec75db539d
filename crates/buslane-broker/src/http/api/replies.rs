//! Several answers to one request, as they come: JSON lines, or events of a stream (WHATWG HTML, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use buslane_engine::CloseReason;
use buslane_protocol::{BrokerMessage, ClientMessage, Credit, Id, Problem, Refusal, json};
use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::ask::{check_answer, cut, next};
use crate::driver::{Frame, InProcess};
use crate::http::media_type::{EVENTS, LINES};
use crate::http::response::{Body, answer};

/// How answers stand in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One object a line.
    Lines,
    /// One object an event, which is named after the object's type.
    Events,
}

/// Why there are several answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Several were asked.
    Gathered,
    /// One answers in parts.
    Stream,
}

/// The body of an answer that comes in parts. Dropping it cancels the request.
pub(super) struct Replies {
    /// Gone when everything was said.
    client: Option<InProcess>,
    /// What came before the body began.
    first: VecDeque<Frame>,
    id: Id,
    kind: Kind,
    format: Format,
    /// Parts that came and were not paid for.
    owed: u32,
}

impl Format {
    /// Returns the format of a media type.
    pub(super) fn of(media_type: &str) -> Format {
        if media_type == EVENTS {
            Format::Events
        } else {
            Format::Lines
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Format::Lines => LINES,
            Format::Events => EVENTS,
        }
    }

    /// Appends a message.
    fn write(self, out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
        if self == Format::Events {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(kind(message).as_bytes());
            out.extend_from_slice(b"\ndata: ");
        }
        json::encode_broker(out, message);
        out.extend_from_slice(if self == Format::Events { b"\n\n" } else { b"\n" });
    }
}

impl Replies {
    /// Parts that a service may send before the other side has read them.
    pub(super) const CREDIT: u32 = 16;

    /// Waits for the first answer. A request that is refused as a whole is a problem; everything else is in the body.
    pub(super) async fn begin(
        mut client: InProcess,
        id: Id,
        kind: Kind,
        format: Format,
    ) -> Result<Response<Body>, Problem> {
        let frame = next(&mut client).await?;
        if let BrokerMessage::Error(refusal) = frame.message()
            && (kind == Kind::Stream || refusal.from.is_none())
        {
            return Err(refusal.error);
        }
        let replies = Replies {
            client: Some(client),
            first: VecDeque::from([frame]),
            id,
            kind,
            format,
            owed: 0,
        };
        Ok(answer(StatusCode::OK, format.media_type(), Body::stream(replies)))
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, CloseReason>>> {
        if let Some(frame) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.client {
            Some(client) => client.poll_next(context).map(Some),
            None => Poll::Ready(None),
        }
    }

    /// Appends what came, and notes whether it was the last.
    fn take_in(&mut self, out: &mut Vec<u8>, mut message: BrokerMessage<'_>) {
        let refused = match &mut message {
            BrokerMessage::Reply(answer) => check_answer(&answer.from, &mut answer.payload)
                .err()
                .map(|problem| (answer.from.to_string(), problem)),
            BrokerMessage::Chunk(part) => {
                self.owed += 1;
                check_answer(&part.from, &mut part.payload)
                    .err()
                    .map(|problem| (part.from.to_string(), problem))
            }
            BrokerMessage::End(_) | BrokerMessage::Error(_) => None,
            _ => return,
        };
        let message = match refused {
            Some((from, problem)) => self.error(Some(from), problem),
            None => message,
        };
        self.format.write(out, &message);
        // One who is asked for a stream may answer at once instead.
        let ends = matches!(message, BrokerMessage::Error(_) | BrokerMessage::Reply(_));
        if matches!(message, BrokerMessage::End(_)) || (ends && self.kind == Kind::Stream) {
            self.leave();
        }
    }

    fn error(&self, from: Option<String>, error: Problem) -> BrokerMessage<'static> {
        BrokerMessage::Error(Refusal {
            id: Some(self.id),
            delivery: None,
            from: from.filter(|_| self.kind == Kind::Gathered),
            error,
        })
    }

    fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            client.leave();
        }
    }

    /// Allows as many parts again as were read, once that is worth a message.
    fn pay(&mut self, context: &mut Context<'_>) {
        if self.owed < Self::CREDIT / 2 {
            return;
        }
        let Some(client) = &mut self.client else { return };
        if let Poll::Ready(Ok(())) = client.poll_ready(context) {
            client.start_send(ClientMessage::Credit(Credit {
                id: Some(self.id),
                filter: None,
                shared: None,
                count: self.owed,
            }));
            self.owed = 0;
        }
    }
}

impl hyper::body::Body for Replies {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let mut out = Vec::new();
        while out.len() < ENOUGH {
            match this.poll_message(context) {
                Poll::Ready(Some(Ok(frame))) => this.take_in(&mut out, frame.message()),
                Poll::Ready(Some(Err(reason))) => {
                    let error = this.error(None, cut(reason));
                    this.format.write(&mut out, &error);
                    this.leave();
                }
                Poll::Ready(None) if out.is_empty() => return Poll::Ready(None),
                Poll::Pending if out.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        this.pay(context);
        Poll::Ready(Some(Ok(hyper::body::Frame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.client.is_none() && self.first.is_empty()
    }
}

/// Returns the type of a message as JSON text names it.
fn kind(message: &BrokerMessage<'_>) -> &'static str {
    match message {
        BrokerMessage::Reply(_) => "reply",
        BrokerMessage::Chunk(_) => "chunk",
        BrokerMessage::End(_) => "end",
        _ => "error",
    }
}

/// The media types in which several answers come, the preferred first.
pub(super) const FORMATS: &[&str] = &[LINES, EVENTS];
/// Bytes that are given out at once, if there are so many.
const ENOUGH: usize = 64 << 10;
