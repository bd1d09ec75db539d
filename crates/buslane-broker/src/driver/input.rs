//! Bytes of one connection that were read and could not be handled yet: the beginning of a frame, or whole frames of
//! a client that has to wait. An empty input holds no memory.

use std::cell::Cell;
use std::rc::Rc;

use super::budget::Budget;

/// Bytes that wait for more, or for their turn.
#[derive(Default)]
pub(crate) struct Input(Option<Box<Kept>>);

struct Kept {
    bytes: Vec<u8>,
    /// What comes before was handled.
    start: usize,
    /// What is known about the frame that begins at `start`.
    head: Head,
    /// Counted there while it is kept.
    account: Account,
}

/// What is known about a frame of which the beginning is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many bytes make it whole; the most that it may have where that is not known yet.
    pub(crate) wanted: usize,
    /// How many bytes were searched for its end in vain.
    pub(crate) searched: usize,
}

/// What some of the driver's buffers hold together, and may hold.
#[derive(Clone, Debug)]
pub(crate) struct Account(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    used: Cell<usize>,
    limit: usize,
    /// Where the bytes count as well.
    budget: Rc<Budget>,
}

/// There is no room for more input. The connection that needs it ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Account {
    /// Makes an account with a limit in bytes, as a part of a budget.
    pub(crate) fn within(budget: &Rc<Budget>, limit: usize) -> Self {
        Account(Rc::new(Shared {
            used: Cell::new(0),
            limit,
            budget: Rc::clone(budget),
        }))
    }

    /// Makes an account with a limit in bytes and a budget that never ends.
    #[cfg(test)]
    pub(crate) fn new(limit: usize) -> Self {
        Account::within(&Rc::new(Budget::new(usize::MAX)), limit)
    }

    /// Returns the bytes held.
    pub(crate) fn used(&self) -> usize {
        self.0.used.get()
    }

    /// Takes bytes, if there is room for them.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), Full> {
        if self.0.used.get() + bytes > self.0.limit || !self.0.budget.fits(bytes) {
            return Err(Full);
        }
        self.resized(0, bytes);
        Ok(())
    }

    /// Gives bytes back.
    pub(super) fn release(&self, bytes: usize) {
        self.resized(bytes, 0);
    }

    /// Notes that a buffer charged with `before` bytes has `after` now.
    pub(super) fn resized(&self, before: usize, after: usize) {
        self.0.used.set(self.0.used.get() + after - before);
        self.0.budget.resized(before, after);
    }
}

/// Bytes that count in an account for as long as this lives, wherever they are.
#[derive(Debug)]
pub(crate) struct Lease {
    account: Account,
    bytes: usize,
}

impl Lease {
    /// Counts bytes, if there is room for them.
    pub(crate) fn take(account: &Account, bytes: usize) -> Result<Self, Full> {
        account.charge(bytes)?;
        Ok(Lease::take_over(account, bytes))
    }

    /// Takes over bytes that count already.
    pub(super) fn take_over(account: &Account, bytes: usize) -> Self {
        Lease {
            account: account.clone(),
            bytes,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}

/// A buffer whose bytes count in an account.
pub(crate) struct Charged {
    bytes: Vec<u8>,
    account: Account,
}

impl Charged {
    /// Makes an empty buffer.
    pub(crate) fn new(account: &Account) -> Self {
        Charged {
            bytes: Vec::new(),
            account: account.clone(),
        }
    }

    /// Appends bytes.
    pub(crate) fn extend(&mut self, more: &[u8]) -> Result<(), Full> {
        extend(&mut self.bytes, more, &self.account)
    }

    /// Lends the bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the bytes out, together with what was charged for them.
    pub(crate) fn take(&mut self) -> Charged {
        let empty = Charged::new(&self.account);
        std::mem::replace(self, empty)
    }
}

/// Appends bytes to a buffer whose capacity counts in an account.
pub(super) fn extend(bytes: &mut Vec<u8>, more: &[u8], account: &Account) -> Result<(), Full> {
    let before = bytes.capacity();
    let needed = more.len().saturating_sub(before - bytes.len());
    account.charge(needed)?;
    bytes.extend_from_slice(more);
    account.resized(before + needed, bytes.capacity());
    Ok(())
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.account.release(self.bytes.capacity());
    }
}

impl Kept {
    /// Gives back what the rest does not need.
    fn shrink(&mut self) {
        let before = self.bytes.capacity();
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.shrink_to_fit();
        self.account.resized(before, self.bytes.capacity());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.account.release(self.bytes.capacity());
    }
}

impl Input {
    /// Returns how many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.bytes.len() - kept.start)
    }

    /// Lends the bytes that wait.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.0
            .as_mut()
            .map_or(&mut [], |kept| &mut kept.bytes[kept.start..])
    }

    /// Returns what is known about the frame that begins it.
    pub(crate) fn head(&self) -> Head {
        self.0.as_ref().map(|kept| kept.head).unwrap_or_default()
    }

    /// Takes off bytes that were handled, and notes what is known about the rest.
    pub(crate) fn consume(&mut self, count: usize, head: Head) {
        let Some(kept) = &mut self.0 else { return };
        kept.start += count;
        kept.head = head;
        let rest = kept.bytes.len() - kept.start;
        if rest == 0 {
            self.0 = None;
        } else if kept.bytes.capacity() > MOST_WASTE && rest < kept.bytes.capacity() / 4 {
            kept.shrink();
        }
    }

    /// Replaces what waits by the rest of a read.
    pub(crate) fn keep(&mut self, rest: &[u8], head: Head, account: &Account) -> Result<(), Full> {
        self.0 = None;
        if rest.is_empty() {
            return Ok(());
        }
        account.charge(rest.len())?;
        let bytes = rest.to_vec();
        account.resized(rest.len(), bytes.capacity());
        self.0 = Some(Box::new(Kept {
            bytes,
            start: 0,
            head,
            account: account.clone(),
        }));
        Ok(())
    }

    /// Makes room for the rest of the first frame, a part at a time, and lends the buffer with that room: bytes that
    /// are announced but never come cost no memory.
    pub(crate) fn room(&mut self) -> Result<&mut Vec<u8>, Full> {
        let kept = self.0.as_mut().ok_or(Full)?;
        if kept.start > 0 {
            kept.bytes.drain(..kept.start);
            kept.start = 0;
        }
        let (length, before) = (kept.bytes.len(), kept.bytes.capacity());
        if length == before {
            let more = kept
                .head
                .wanted
                .saturating_sub(length)
                .clamp(1, length.max(LEAST_ROOM));
            kept.account.charge(more)?;
            kept.bytes.reserve_exact(more);
            kept.account.resized(before + more, kept.bytes.capacity());
        }
        Ok(&mut kept.bytes)
    }
}

/// Bytes by which a buffer grows, if the frame is not shorter, until it has as many.
const LEAST_ROOM: usize = 4 << 10;
/// Bytes that a buffer may have to no use.
const MOST_WASTE: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(wanted: usize) -> Head {
        Head { wanted, searched: 0 }
    }

    #[test]
    fn what_is_handled_is_given_back() {
        let account = Account::new(1_000);
        let mut input = Input::default();
        input.keep(b"abcdef", head(6), &account).unwrap();
        assert_eq!((input.len(), account.used()), (6, 6));
        input.consume(2, head(4));
        assert_eq!(input.bytes(), b"cdef");
        input.consume(4, head(0));
        assert_eq!((input.len(), account.used()), (0, 0));
        input.keep(b"", head(0), &account).unwrap();
        assert!(input.0.is_none());
    }

    #[test]
    fn a_large_buffer_is_not_kept_for_a_small_rest() {
        let account = Account::new(1 << 20);
        let mut input = Input::default();
        input.keep(&[7; 100_000], head(100_000), &account).unwrap();
        input.consume(99_990, head(20));
        assert_eq!((input.len(), account.used()), (10, 10));
    }

    #[test]
    fn room_grows_with_what_comes_up_to_the_frame() {
        let account = Account::new(1 << 30);
        let mut input = Input::default();
        input.keep(&[7; 100], head(20_000), &account).unwrap();
        let mut most = 0;
        while input.len() < 20_000 {
            let before = input.len();
            let buffer = input.room().unwrap();
            let free = buffer.capacity() - buffer.len();
            assert!(
                free <= before.max(LEAST_ROOM),
                "{free} bytes of room behind {before}"
            );
            buffer.resize(buffer.capacity(), 7);
            most = buffer.capacity();
            assert_eq!(account.used(), most);
        }
        assert_eq!(most, 20_000);
        drop(input);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn all_inputs_together_are_bounded() {
        let account = Account::new(150);
        let (mut one, mut other) = (Input::default(), Input::default());
        one.keep(&[0; 100], head(200), &account).unwrap();
        assert_eq!(other.keep(&[0; 100], head(200), &account), Err(Full));
        assert_eq!(one.room().map(|_| ()), Err(Full));
        drop(one);
        assert_eq!(other.keep(&[0; 100], head(200), &account), Ok(()));
    }
}
