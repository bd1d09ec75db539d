//! A pipe in memory from the flusher to a client in this process. Bounded as a socket's buffer is: what it does not
//! take waits in the engine's outbox, under the rules of outboxes. An empty pipe holds no memory.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{Context, Waker};

use buslane_protocol::binary;
use bytes::Bytes;

use super::input::{Account, Full, Lease, extend};

/// The frames on their way to one client.
pub(crate) struct Pipe {
    inner: RefCell<Inner>,
}

struct Inner {
    bytes: Vec<u8>,
    /// What comes before was read.
    start: usize,
    /// Where the buffer's capacity counts.
    account: Account,
    /// Wakes the reader.
    waker: Option<Waker>,
}

impl Pipe {
    /// Makes an empty pipe whose bytes count in an account.
    pub(super) fn new(account: &Account) -> Self {
        Pipe {
            inner: RefCell::new(Inner {
                bytes: Vec::new(),
                start: 0,
                account: account.clone(),
                waker: None,
            }),
        }
    }

    /// Writes as much as there is room for: `WouldBlock` if there is none, another error if the account is full.
    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut inner = self.inner.borrow_mut();
        let mut taken = 0;
        for slice in slices {
            let mut rest = &slice[..];
            while !rest.is_empty() {
                let count = inner.room().min(rest.len());
                if count == 0 {
                    return inner.finish(taken);
                }
                inner
                    .append(&rest[..count])
                    .map_err(|Full| io::ErrorKind::OutOfMemory)?;
                rest = &rest[count..];
                taken += count;
            }
        }
        inner.finish(taken)
    }

    /// Takes out the first frame, if it is whole, and what it is charged. Wherever bytes wait for room, it is.
    pub(super) fn take_frame(&self) -> Option<(Bytes, Lease)> {
        self.inner.borrow_mut().take_frame()
    }

    /// Remembers how to wake the reader.
    pub(super) fn remember(&self, context: &Context<'_>) {
        let known = &mut self.inner.borrow_mut().waker;
        match known {
            Some(waker) => waker.clone_from(context.waker()),
            None => *known = Some(context.waker().clone()),
        }
    }
}

impl Inner {
    /// Returns how many bytes may be appended: up to the bound, and at least the rest of the first frame.
    fn room(&self) -> usize {
        let waiting = &self.bytes[self.start..];
        let first = frame_length(waiting).unwrap_or_default();
        first.max(BOUND) - waiting.len().min(first.max(BOUND))
    }

    fn append(&mut self, more: &[u8]) -> Result<(), Full> {
        if self.start > 0 && self.bytes.len() + more.len() > self.bytes.capacity() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        extend(&mut self.bytes, more, &self.account)
    }

    fn finish(&self, taken: usize) -> io::Result<usize> {
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
        Ok(taken)
    }

    fn take_frame(&mut self) -> Option<(Bytes, Lease)> {
        let waiting = &self.bytes[self.start..];
        let length = frame_length(waiting).filter(|length| *length <= waiting.len())?;
        if self.start == 0 && length == self.bytes.len() {
            return Some(self.take_all());
        }
        let frame = Bytes::copy_from_slice(&waiting[..length]);
        self.account.resized(0, length);
        let lease = Lease::take_over(&self.account, length);
        self.start += length;
        if self.start == self.bytes.len() {
            drop(self.take_all());
        }
        Some((frame, lease))
    }

    fn take_all(&mut self) -> (Bytes, Lease) {
        let bytes = std::mem::take(&mut self.bytes);
        self.start = 0;
        let lease = Lease::take_over(&self.account, bytes.capacity());
        (bytes.into(), lease)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

/// Returns the length of the frame that begins here, once it is known. What the engine writes is never too long.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    binary::frame_length(bytes, usize::MAX).ok().flatten()
}

/// Bytes of whole frames that wait for their reader before the engine keeps the rest.
const BOUND: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use buslane_protocol::{Answer, BrokerMessage, Headers, Id, Payload};

    use super::*;

    fn frame(payload: usize) -> Vec<u8> {
        let answer = Answer {
            id: Id::parse("r").unwrap(),
            from: "service#instance".into(),
            headers: Headers::default(),
            payload: Payload::bytes(vec![7; payload]),
        };
        let mut frame = Vec::new();
        binary::encode_broker(&mut frame, &BrokerMessage::Reply(answer));
        frame
    }

    fn read(pipe: &Pipe) -> Bytes {
        pipe.take_frame().unwrap().0
    }

    fn write(pipe: &Pipe, bytes: &[u8]) -> io::Result<usize> {
        pipe.try_write(&[IoSlice::new(bytes)])
    }

    #[test]
    fn frames_come_out_whole_and_in_order() {
        let account = Account::new(1 << 20);
        let pipe = Pipe::new(&account);
        let (one, other) = (frame(3), frame(500));
        let both = [IoSlice::new(&one), IoSlice::new(&other[..100])];
        assert_eq!(pipe.try_write(&both).unwrap(), one.len() + 100);
        assert_eq!(read(&pipe), one);
        assert!(pipe.take_frame().is_none());
        assert_eq!(write(&pipe, &other[100..]).unwrap(), other.len() - 100);
        assert_eq!(read(&pipe), other);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn a_pipe_that_nobody_reads_takes_no_more() {
        let account = Account::new(1 << 20);
        let pipe = Pipe::new(&account);
        let frame = frame(1_000);
        let many = frame.repeat(100);
        let taken = write(&pipe, &many).unwrap();
        assert_eq!(taken, BOUND);
        assert_eq!(write(&pipe, &many).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(read(&pipe), frame);
        assert_eq!(write(&pipe, &many[taken..]).unwrap(), frame.len());
    }

    #[test]
    fn a_frame_longer_than_the_bound_has_room() {
        let account = Account::new(1 << 20);
        let pipe = Pipe::new(&account);
        let long = frame(3 * BOUND);
        assert_eq!(
            write(&pipe, &[long.clone(), frame(9)].concat()).unwrap(),
            long.len()
        );
        assert_eq!(read(&pipe), long);
    }

    #[test]
    fn all_pipes_together_are_bounded() {
        let account = Account::new(1_000);
        let (one, other) = (Pipe::new(&account), Pipe::new(&account));
        assert!(write(&one, &frame(500)).is_ok());
        assert_eq!(
            write(&other, &frame(600)).unwrap_err().kind(),
            io::ErrorKind::OutOfMemory
        );
        let frame_read = one.take_frame();
        assert!(write(&other, &frame(600)).is_err(), "what was read still counts");
        drop(frame_read);
        assert!(write(&other, &frame(600)).is_ok());
    }
}
