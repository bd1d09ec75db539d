//! One reader of a feed: the body of one answer. Asks the feed for the next event when the socket takes one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use buslane_protocol::{BrokerMessage, Gap};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

use super::{Feed, Resumption};
use crate::driver::Hub;

/// One reader of a feed.
pub(in super::super) struct Reading {
    hub: Rc<Hub>,
    feed: Rc<Feed>,
    /// Which of the feed's readers this is.
    reader: u64,
    /// The running number of the event that comes next.
    next: u64,
    /// What comes before it.
    opening: VecDeque<Bytes>,
    /// When something was sent last.
    sent: Instant,
    heartbeat: Pin<Box<Sleep>>,
}

impl Reading {
    /// Begins a feed that nobody has read, perhaps in place of one that is not known.
    pub(in super::super) fn begin(hub: &Rc<Hub>, feed: Rc<Feed>, replaces_unknown: bool) -> Self {
        let opening = feed.plan.form.opening(&feed.place(0));
        let mut opening = VecDeque::from([Bytes::from(opening)]);
        if replaces_unknown {
            let gap = Gap {
                unknown: true,
                ..Gap::default()
            };
            opening.push_back(feed.event(0, &BrokerMessage::Gap(gap)));
        }
        Reading::new(hub, feed, 0, opening)
    }

    /// Goes on in a feed.
    pub(in super::super) fn go_on(hub: &Rc<Hub>, feed: Rc<Feed>, resumption: Resumption) -> Self {
        let gap = resumption
            .gap
            .map(|(gap, position)| feed.event(position, &BrokerMessage::Gap(gap)));
        Reading::new(hub, feed, resumption.next, gap.into_iter().collect())
    }

    fn new(hub: &Rc<Hub>, feed: Rc<Feed>, next: u64, mut opening: VecDeque<Bytes>) -> Self {
        opening.retain(|text| !text.is_empty());
        Reading {
            hub: Rc::clone(hub),
            reader: feed.attach(),
            feed,
            next,
            opening,
            sent: Instant::now(),
            heartbeat: Box::pin(sleep(HEARTBEAT)),
        }
    }

    fn poll_text(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.feed.is_read_by(self.reader) {
            return Poll::Ready(None);
        }
        if let Some(text) = self.opening.pop_front() {
            return Poll::Ready(Some(text));
        }
        match self.feed.poll_event(&mut self.next, context) {
            Poll::Ready(Some(text)) => Poll::Ready(Some(text)),
            Poll::Ready(None) => {
                self.hub.feeds.remove(self.feed.id);
                Poll::Ready(None)
            }
            Poll::Pending => self.poll_heartbeat(context).map(Some),
        }
    }

    /// Says that nothing is to be said, once nothing was for a while.
    fn poll_heartbeat(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        while self.heartbeat.as_mut().poll(context).is_ready() {
            let due = self.sent + HEARTBEAT;
            if due <= Instant::now() {
                self.heartbeat.as_mut().reset(Instant::now() + HEARTBEAT);
                return Poll::Ready(Bytes::from_static(self.feed.plan.form.heartbeat()));
            }
            self.heartbeat.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl Body for Reading {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = self.poll_text(context);
        if let Poll::Ready(Some(_)) = text {
            self.sent = Instant::now();
        }
        text.map(|text| text.map(|text| Ok(Frame::data(text))))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.feed.detach(self.reader);
    }
}

/// How long a reader hears nothing before a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
