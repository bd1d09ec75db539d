//! Deliveries: nobody gets what is not his, nothing comes twice, publishes of one client keep their order, and gaps
//! stand where something is missing.

use buslane_protocol::{Delivery, Gap};

use super::publishes::BROADCAST;
use super::shadow::{Account, SubscriptionId};
use super::{Oracle, Subject};
use crate::content::{digest, number_of};

impl Oracle {
    /// Takes in a delivery that was written.
    pub(super) fn delivery(&mut self, client: usize, delivery: &Delivery<'_>, bytes: usize) {
        let topic = delivery.topic.as_str();
        if topic.starts_with('$') && !topic.starts_with(BROADCAST) {
            self.clients[client].mixed = true;
            return self.event(client, delivery);
        }
        let number = number_of(&delivery.headers).unwrap_or_default();
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let Some(published) = self.published.get(&number) else {
            return self.broken(
                "what was delivered was never published, or it was refused",
                &subjects,
            );
        };
        let from_fits = published.from.as_ref().is_none_or(|from| *from == delivery.from);
        if published.topic != topic || published.digest != digest(&delivery.payload) || !from_fits {
            return self.broken("what was delivered is not what was published", &subjects);
        }
        if delivery.retained {
            self.coverage.count("retained value delivered");
            return self.retained_delivery(client, number, topic);
        }
        match delivery.headers.shared() {
            Some(label) => self.shared_delivery(client, number, label),
            None => self.own_delivery(client, number, bytes),
        }
    }

    /// Takes in a copy for a client's own subscriptions.
    fn own_delivery(&mut self, client: usize, number: u64, bytes: usize) {
        self.coverage.count("delivered");
        let (order, publisher) = (self.published[&number].order, self.published[&number].publisher);
        let Some(copy) = self.clients[client].expected.remove(&order) else {
            let promise = "a delivery came to one who may not have it, came twice, or came after a later one";
            return self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        };
        self.pass_over(client, order, publisher, &copy.account);
        if let Account::Credited(id) = &copy.account
            && !copy.optional
        {
            self.charge(client, number, id);
            self.add_to_backlog(client, id, order, bytes);
        }
    }

    /// Gives up the copies of one publisher that a later one has overtaken: a gap has to stand for them.
    fn pass_over(&mut self, client: usize, order: u64, publisher: usize, account: &Account) {
        if *account == Account::Several {
            // Which queue such copies wait in is not promised.
            return;
        }
        let shadow = &mut self.clients[client];
        let overtaken: Vec<u64> = shadow
            .expected
            .range(..order)
            .filter(|(_, copy)| copy.publisher == publisher && copy.account == *account)
            .map(|(order, _)| *order)
            .collect();
        for order in overtaken {
            self.miss(client, order);
        }
        self.check_gaps(client, account);
    }

    /// Notes that a copy will not come any more.
    fn miss(&mut self, client: usize, order: u64) {
        let shadow = &mut self.clients[client];
        let Some(copy) = shadow.expected.remove(&order).filter(|copy| !copy.optional) else {
            return;
        };
        match &copy.account {
            Account::Credited(id) => {
                if let Some(subscription) = shadow.subscriptions.get_mut(id) {
                    subscription.missing += 1;
                }
            }
            _ => shadow.missing += 1,
        }
    }

    fn check_gaps(&mut self, client: usize, account: &Account) {
        let shadow = &self.clients[client];
        let (missing, gaps) = match account {
            Account::Credited(id) => match shadow.subscriptions.get(id) {
                Some(subscription) => (subscription.missing, subscription.gaps + shadow.gaps),
                None => return,
            },
            _ => (shadow.missing, shadow.gaps),
        };
        let several = shadow
            .subscriptions
            .values()
            .any(|subscription| subscription.gaps > 0);
        if missing > gaps && !(*account == Account::Several && several) {
            let promise = format!(
                "deliveries and gaps account for every publish: {missing} are missing, gaps say {gaps}"
            );
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Counts a copy against the credit of the one subscription that it comes by.
    fn charge(&mut self, client: usize, number: u64, id: &SubscriptionId) {
        let Some(subscription) = self.clients[client].subscriptions.get_mut(id) else {
            return;
        };
        subscription.used += 1;
        self.coverage.count("delivered on credit");
        if let Some(credit) = subscription.credit.filter(|credit| subscription.used > *credit) {
            let promise = format!(
                "credit is never exceeded: {} of {credit} on {id:?}",
                subscription.used
            );
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }

    /// Takes in a copy for a shared subscription.
    fn shared_delivery(&mut self, client: usize, number: u64, label: &str) {
        self.coverage.count("delivered to one of several");
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let Some(published) = self.published.get_mut(&number) else {
            return;
        };
        let (order, publisher) = (published.order, published.publisher);
        let Some(share) = published.shares.iter_mut().find(|share| share.label == label) else {
            return self.broken(
                "a copy for a shared subscription that did not select it",
                &subjects,
            );
        };
        if !share.members.contains(&client) {
            return self.broken(
                "a copy for a shared subscription came to one who is no member",
                &subjects,
            );
        }
        if let Some(other) = share.receiver.replace(client) {
            let promise =
                format!("a shared subscription gives each message to one member: c{other} got it as well");
            return self.broken(promise, &subjects);
        }
        let last = self.clients[client]
            .last_shared
            .insert((publisher, label.to_owned()), order);
        if last.is_some_and(|last| last > order) {
            self.broken("copies for a shared subscription came out of order", &subjects);
        }
    }

    /// Takes in a gap.
    pub(super) fn gap(&mut self, client: usize, gap: &Gap) {
        self.coverage.count("gap");
        let shadow = &mut self.clients[client];
        shadow.mixed |= gap.unknown;
        let Some(filter) = &gap.filter else {
            shadow.gaps += gap.count;
            return;
        };
        let shared = gap.shared.as_ref().map(ToString::to_string);
        match shadow
            .subscriptions
            .get_mut(&(filter.as_str().to_owned(), shared))
        {
            Some(subscription) => subscription.gaps += gap.count,
            None => shadow.gaps += gap.count,
        }
    }

    /// Looks whether every copy came or a gap stands for it, now that nothing is queued.
    pub(super) fn check_copies(&mut self, client: usize) {
        let shadow = &self.clients[client];
        if !shadow.open {
            return;
        }
        let plain =
            |(order, copy): (&u64, &super::shadow::Copy)| (copy.account == Account::Plain).then_some(*order);
        let left: Vec<u64> = shadow.expected.iter().filter_map(plain).collect();
        for order in left {
            self.miss(client, order);
        }
        self.check_gaps(client, &Account::Plain);
        let shadow = &self.clients[client];
        let credited = shadow
            .subscriptions
            .values()
            .any(|subscription| subscription.credit.is_some());
        if !shadow.mixed && !credited && shadow.gaps > shadow.missing {
            let promise = format!(
                "gaps say that {} are missing, but only {} are",
                shadow.gaps, shadow.missing
            );
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Looks whether every copy came that has credit, when everything is at rest.
    pub(crate) fn check_credited(&mut self, client: usize) {
        let ample = self.has_ample_memory();
        let Some(shadow) = self.clients.get(client).filter(|shadow| shadow.open && ample) else {
            return;
        };
        let enough = |id: &SubscriptionId| {
            let subscription = shadow.subscriptions.get(id);
            subscription.is_some_and(|known| known.credit.is_none_or(|credit| credit > known.used + AMPLE))
        };
        let waiting = |copy: &super::shadow::Copy| match &copy.account {
            Account::Credited(id) => enough(id),
            _ => false,
        };
        let left: Vec<(u64, Account)> = shadow
            .expected
            .iter()
            .filter(|(_, copy)| waiting(copy))
            .map(|(order, copy)| (*order, copy.account.clone()))
            .collect();
        for (order, account) in left {
            self.miss(client, order);
            self.check_gaps(client, &account);
        }
    }
}

/// Credit that nothing else can have used up.
const AMPLE: u64 = 100_000;
